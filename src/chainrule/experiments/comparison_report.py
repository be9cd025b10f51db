"""The report of a comparison: the table, its sentences, and how each variant learnt."""

from __future__ import annotations

from pathlib import Path

from chainrule.experiments.comparison import PLAN, Comparison, read_comparison
from chainrule.experiments.config import read_whole_config
from chainrule.experiments.document import Code, Document
from chainrule.experiments.figures import draw_estimates
from chainrule.experiments.report import options_in_words
from chainrule.experiments.results import Results, read_results
from chainrule.experiments.run_folder import CONFIG, read_history
from chainrule.history import History
from chainrule.presentation.curves import plot_bands, spell
from chainrule.presentation.display import counted

OF_A_RUN = ("seed", "layers", "input_shape")  # options that tell runs apart, not variants


def is_comparison(folder: Path) -> bool:
    """True if a comparison, finished or not, was written to `folder`."""
    return (folder / PLAN).is_file()


def report_comparison(folder: Path) -> Document:
    """The report of the comparison in `folder`.

    Raises:
        ConfigError, RunFolderError: it is not finished, or damaged, or all its runs failed.
    """
    comparison, results = read_comparison(folder / PLAN), read_results(folder)
    data = comparison.base.get("data", "data sets")
    document = Document(f"{data}: {counted(len(results.names), 'variant')} compared")
    document.paragraph(describe_comparison(results))
    add_results(document, results)
    add_costs(document, results)
    add_curves(document, read_histories(comparison, results, folder))
    add_configuration(document, comparison, folder)
    return document


def read_histories(
    comparison: Comparison, results: Results, folder: Path
) -> dict[str, list[History]]:
    """The epochs of the runs that succeeded, by variant.

    Raises:
        RunFolderError: a run is missing or damaged.
    """
    succeeded = {(run.variant, run.seed) for run in results.runs if run.error is None}
    histories: dict[str, list[History]] = {}
    for task in comparison.tasks():
        if (task.variant, task.seed) in succeeded:
            histories.setdefault(task.variant, []).append(read_history(task.folder(folder)))
    return histories


def describe_comparison(results: Results) -> str:
    """How many runs there were, and which variant was chosen, if only by chance."""
    variants, runs = counted(len(results.names), "variant"), counted(len(results.runs), "run")
    return (
        f"{variants}, {runs}. {results.choice()} The sentences below the table say which "
        "differences are larger than chance."
    )


def add_results(document: Document, results: Results) -> None:
    """How good each variant is, in numbers, words and a picture; and the runs that failed."""
    metric = spell(results.metric)
    document.heading("How good each variant is")
    document.table(
        *results.judgement(),
        f"{results.legend()} Each variant is compared with the first one, seed by seed; the effect "
        "size is the mean difference in units of the differences' standard deviation. The test "
        "part played no part in the choice.",
    )
    for sentence in [
        *results.differences(),
        *results.correction(),
        *results.environments(),
    ]:
        document.paragraph(sentence)
    document.picture(
        "estimates",
        draw_estimates(results),
        f"Dots are the {metric} of single runs, diamonds the means of the variants, and lines "
        "their 95 % intervals, by Student's t.",
        f"Dot plot of the {metric} by variant.",
    )
    failed = [[run.variant, str(run.seed), run.error] for run in results.runs if run.error]
    if failed:
        document.table(["variant", "seed", "error"], failed, "Runs that failed.")


def add_costs(document: Document, results: Results) -> None:
    """What each variant costs: parameters, epochs, seconds."""
    document.heading("What each variant costs")
    document.table(*results.costs(), "Means over the seeds; seconds depend on the machine.")


def add_curves(document: Document, histories: dict[str, list[History]]) -> None:
    """How each variant learnt."""
    document.heading("Learning curves")
    document.picture(
        "curves",
        plot_bands({name: [one.measured() for one in of] for name, of in histories.items()}),
        "Lines are means over a variant's seeds, up to the last epoch that all of them reached; "
        "bands reach from the lowest seed to the highest.",
        "Line charts of loss and metrics over the epochs by variant.",
    )


def add_configuration(document: Document, comparison: Comparison, folder: Path) -> None:
    """In which options the variants differ, which they share, and how to repeat the comparison.

    Taken from finished runs: what one variant changes can change another option's default.
    """
    options = {}
    for task in comparison.tasks():
        if task.variant not in options and (task.folder(folder) / CONFIG).is_file():
            config = read_whole_config(task.folder(folder) / CONFIG)
            options[task.variant] = options_in_words(config, left_out=OF_A_RUN)
    names = dict.fromkeys(name for values in options.values() for name in values)
    differ = [name for name in names if len({o.get(name, "") for o in options.values()}) > 1]
    document.heading("Configuration")
    document.table(
        ["variant", *differ],
        [[v, *(values.get(name, "") for name in differ)] for v, values in options.items()],
        "How the variants differ.",
    )
    first = next(iter(options.values()))
    document.table(
        ["option", "value"],
        [[name, value] for name, value in first.items() if name not in differ],
        "What they share.",
    )
    document.paragraph(
        Code(f"chainrule compare {folder / PLAN}"),
        f" repeats this comparison, with the seeds {', '.join(map(str, comparison.seeds))}.",
    )
