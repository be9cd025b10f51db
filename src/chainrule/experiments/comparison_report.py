"""The report of a comparison: the table, its sentences, and how each variant learnt."""

from __future__ import annotations

from pathlib import Path

from chainrule.errors import RunFolderError
from chainrule.experiments.comparison import PLAN, Comparison, read_comparison
from chainrule.experiments.config import make_config
from chainrule.experiments.curves import plot_bands, spell
from chainrule.experiments.document import Document
from chainrule.experiments.figures import draw_estimates
from chainrule.experiments.report import options_in_words
from chainrule.experiments.results import Results, read_results
from chainrule.experiments.run_folder import read_history
from chainrule.history import History


def is_comparison(folder: Path) -> bool:
    """Whether a comparison, finished or not, was written to `folder`."""
    return (folder / PLAN).is_file()


def report_comparison(folder: Path) -> Document:
    """The report of the comparison in `folder`.

    Raises:
        ConfigError, RunFolderError: it is not finished, or damaged, or none of its runs
            succeeded.
    """
    comparison, results = read_comparison(folder / PLAN), read_results(folder)
    histories = read_histories(comparison, results, folder)
    document = Document(f"{comparison.base['data']}: {len(results.names)} variants compared")
    document.paragraph(describe_comparison(comparison, results))
    add_results(document, results)
    add_curves(document, histories)
    add_configuration(document, comparison, folder)
    return document


def read_histories(
    comparison: Comparison, results: Results, folder: Path
) -> dict[str, list[History]]:
    """The epochs of the runs that succeeded, by variant.

    Raises:
        RunFolderError: the results are not those of this comparison, or a run is damaged.
    """
    succeeded = {(run.variant, run.seed) for run in results.runs if run.error is None}
    histories: dict[str, list[History]] = {}
    for task in comparison.tasks():
        if (task.variant, task.seed) in succeeded:
            run = read_history(task.folder(folder))
            histories.setdefault(task.variant, []).append(run)
    if sum(map(len, histories.values())) < len(succeeded):
        raise RunFolderError(f"{folder}: results.json has runs that {PLAN} does not plan")
    return histories


def describe_comparison(comparison: Comparison, results: Results) -> str:
    """What was compared, and what came first."""
    seeds = len(comparison.seeds)
    means = {
        variant.name: variant.estimates[results.metric].mean
        for variant in results.variants()
        if results.metric in variant.estimates
    }
    return ""


def add_results(document: Document, results: Results) -> None:
    """The table, what it says in words, the runs that failed, and a picture of the estimates."""
    document.heading("Results")
    document.table(*results.table())
    for sentence in results.sentences():
        document.paragraph(sentence)
