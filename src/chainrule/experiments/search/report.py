"""The report of a search: the winner and what it gains, which settings matter, and all trials."""

from __future__ import annotations

from pathlib import Path

from chainrule.experiments.document import Code, Document
from chainrule.experiments.results import JSON, Results, read_results
from chainrule.experiments.search.figures import draw_course, draw_importances, draw_parallel
from chainrule.experiments.search.search import (
    COMPARISONS,
    PLAN,
    Search,
    describe_winner,
    read_plan,
    train_command,
)
from chainrule.experiments.search.trials import (
    ENDED_EARLY,
    FAILED,
    FINISHED,
    SearchResults,
    TrialResult,
    read_trials,
)
from chainrule.presentation.curves import spell
from chainrule.presentation.display import counted, format_number

WORDS = {FINISHED: "finished", ENDED_EARLY: "ended early", FAILED: "failed"}


def is_search(folder: Path) -> bool:
    """True if a search, finished or not, was written to `folder`."""
    return (folder / PLAN).is_file()


def report_search(folder: Path) -> Document:
    """The report of the search in `folder`.

    Raises:
        ConfigError, RunFolderError: it has no trials yet, or a file is damaged.
    """
    search, results = read_plan(folder / PLAN).search, read_trials(folder)
    data = Path(str(search.base["data"])).stem
    document = Document(f"{data}: {counted(len(results.trials), 'trial')} of settings")
    document.paragraph(describe_search(search, results))
    if results.best is not None:
        add_winner(document, search, results, results.best)
        add_gain(document, folder, results.best)
        add_pictures(document, search, results)
    add_trials(document, search, results)
    return document


def describe_search(search: Search, results: SearchResults) -> str:
    """What was searched, and how many trials there were."""
    space = "; ".join(setting.describe() for setting in search.space)
    ended = ", ".join(
        f"{count} {word}" for state, word in WORDS.items() if (count := results.count(state))
    )
    return (
        f"Searched: {space}. Trials were judged by their {spell(results.metric)}; the test part "
        f"had no say. Of {counted(len(results.trials), 'trial')}, {ended}. Those ended early were "
        "worse than the median of the trials before them at the same epoch."
    )


def add_winner(
    document: Document, search: Search, results: SearchResults, winner: TrialResult
) -> None:
    """The best settings, and how to train with them."""
    document.heading("The best settings")
    document.paragraph(describe_winner(results, winner))
    rows = [[spell(name), str(value)] for name, value in winner.parameters.items()]
    document.table(["setting", "value"], rows)
    document.paragraph(Code(train_command(search.options(winner.parameters))), " trains with them.")


def add_gain(document: Document, folder: Path, winner: TrialResult) -> None:
    """The winner beside the default settings, where they were compared."""
    compared = find_comparison(folder, winner)
    document.heading("What they gain")
    if compared is None:
        document.paragraph("The winner has not been compared with the default settings yet.")
        return
    document.table(
        *compared.judgement(),
        f"{compared.legend()} The seeds are fresh, and the difference is taken seed by seed.",
    )
    for sentence in compared.sentences():
        document.paragraph(sentence)


def find_comparison(folder: Path, winner: TrialResult) -> Results | None:
    """The finished comparison of a winner with the most seeds."""
    finished = folder.glob(f"{COMPARISONS}/trial-{winner.number}-seeds-*/{JSON}")
    compared = [read_results(path.parent) for path in finished]
    return max(compared, key=lambda results: len(results.runs), default=None)


def add_pictures(document: Document, search: Search, results: SearchResults) -> None:
    """Which settings matter, which values are good, and how the search went."""
    if results.importances:
        document.heading("Which settings matter")
        document.picture(
            "importances",
            draw_importances(results.importances),
            "The share of the differences between finished trials that each setting accounts for "
            "(PED-ANOVA). It says what mattered within the ranges searched.",
            "Bar chart of the importance of each setting.",
        )
    document.heading("Which values are good")
    document.picture(
        "parallel-coordinates",
        draw_parallel(results, search.space),
        "A line for each finished trial, through its settings to its "
        f"{spell(results.metric)} at the right.",
        "Parallel coordinates of the finished trials.",
    )
    document.heading("How the search went")
    document.picture(
        "course",
        draw_course(results),
        f"The {spell(results.metric)} of each finished trial, and the best so far.",
        "Dot plot of the trials in their order.",
    )


def add_trials(document: Document, search: Search, results: SearchResults) -> None:
    """Every trial: its settings, and what came of it."""
    names = [setting.name for setting in search.space]
    rows = [
        [
            str(trial.number),
            *map(trial.shown, names),
            "" if trial.value is None else format_number(results.metric, trial.value),
            str(len(trial.values)),
            trial.error or ("" if trial.state == FINISHED else WORDS.get(trial.state, trial.state)),
        ]
        for trial in results.trials
    ]
    document.heading("All trials")
    document.table(
        ["trial", *map(spell, names), spell(results.metric), "epochs", "remark"],
        rows,
        "In the order of their numbers.",
    )
