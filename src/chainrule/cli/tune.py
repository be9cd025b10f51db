"""``chainrule tune``: a search for settings, and an honest word on what it gained."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from chainrule.cli.ending import goes_on_in
from chainrule.cli.options import ExecutorPlace, Quiet, Workers, with_train_options
from chainrule.cli.terminal import add_row, complain, new_table, show, show_numbers, styled
from chainrule.experiments.search import ROUND_SIZE
from chainrule.presentation.display import counted, format_number, is_terminal, say

if TYPE_CHECKING:
    from chainrule.experiments.comparison import Finished, Task
    from chainrule.experiments.results import Results
    from chainrule.experiments.runner import Prepared
    from chainrule.experiments.search.search import Search
    from chainrule.experiments.search.trials import SearchResults, TrialResult

FEW_TRIALS = 20  # that have a line each; of more, the best so far and those that failed do


@with_train_options
def tune(
    options: dict[str, Any],
    data: Annotated[str, typer.Argument(metavar="DATA", help="What to train on, as for train.")],
    search: Annotated[
        list[str] | None,
        typer.Option(
            "--search",
            metavar="NAME=LOW..HIGH[:log]|NAME=A|B",
            help="An option of train, and the range or the values to choose from; several make a "
            "space.",
            rich_help_panel="Search",
        ),
    ] = None,
    trials: Annotated[
        int,
        typer.Option(
            "--trials",
            metavar="N",
            min=1,
            help="How many trials the search has, those already in the folder included.",
            rich_help_panel="Search",
        ),
    ] = 100,
    storage: Annotated[
        str | None,
        typer.Option(
            "--storage",
            metavar="URL",
            help="Keep the trials in this database, as in sqlite:///trials.db; a journal in the "
            "folder if left out.",
            rich_help_panel="Search",
        ),
    ] = None,
    seeds: Annotated[
        int,
        typer.Option(
            "--seeds",
            metavar="N",
            min=1,
            help="Fresh seeds on which the winner is compared with the default settings.",
            rich_help_panel="Search",
        ),
    ] = 5,
    round_size: Annotated[
        int,
        typer.Option(
            "--round-size",
            metavar="N",
            min=1,
            help="How many trials are proposed together, from the results of earlier rounds, and "
            "can run side by side. A search keeps its size.",
            rich_help_panel="Search",
        ),
    ] = ROUND_SIZE,
    workers: Workers = None,
    executor: ExecutorPlace = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="The folder of the search; a new one in searches/ if left out. One that was "
            "interrupted is continued, and several processes may work on one.",
            rich_help_panel="Run",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Search for better settings, and say honestly what they gain.

    Optuna proposes the settings of each trial. Trials are judged by what is held out for
    validation, never by the test part; those worse than the median are ended early. In the end the
    best settings and the default ones are trained anew with fresh seeds: the best of many trials
    owes something to luck, and this comparison does not.

    \b
    Examples:
      chainrule tune digits --search learning_rate=1e-4..1e-1:log --search "hidden=32|64|128"
      chainrule tune moons --search "optimizer=adam|sgd(momentum=0.9)" --search dropout=0..0.5
      chainrule tune moons --search learning_rate=1e-3..0.1:log --epochs 20 --trials 12 --out rates
    """
    from chainrule.experiments.run_folder import next_free
    from chainrule.experiments.search.search import (
        Search,
        compare_winner,
        look_at_data,
        open_search,
        run_trials,
    )
    from chainrule.experiments.search.space import parse_space
    from chainrule.experiments.search.storage import import_optuna
    from chainrule.parallel.executors import executor_for, is_away
    from chainrule.text import file_name

    import_optuna()
    asked = Search({"data": data, **options}, parse_space(search or []), round_size)
    prepared, judging = look_at_data(asked)
    place = out or next_free(file_name(Path(data).stem), Path("searches"))
    where, at_a_time = executor or "local", workers or os.cpu_count() or 1
    if is_away(where):  # the workers there, however many they are, share a round
        at_a_time = round_size
    with goes_on_in(place), executor_for(where, at_a_time, complain) as pool:
        kept = open_search(asked, judging, place, storage)
        before = kept.results()
        if not quiet:
            _announce(asked, prepared, before, trials, place)
        with _progress(before, trials, quiet) as finished:
            results = run_trials(asked, kept, trials, pool, at_a_time, finished)
        if results.running:
            say(f"the last trials, {results.running}, run in other processes, which do the rest")
            return
        compare = partial(compare_winner, executor=pool, away=is_away(where))
        _conclude(asked, results, place, seeds, compare, quiet)


def _announce(
    search: Search, prepared: Prepared, results: SearchResults, count: int, place: Path
) -> None:
    dataset, held_out = prepared.dataset, prepared.held_out
    validation = 0 if held_out is None else len(held_out[0])
    say(
        f"{dataset.name}: {len(dataset.x_train):,} training and {validation:,} validation "
        f"examples; trials are judged by their {results.metric.replace('_', ' ')}"
    )
    for setting in search.space:
        say(f"searching {setting.describe()}")
    done = len(results.trials)
    so_far = f", of which {place}/ has {done}" if done else f", in {place}/"
    epochs = cast(int, prepared.config.epochs)  # which preparing a run has chosen
    say(f"{counted(count, 'trial')} of at most {counted(epochs, 'epoch')}{so_far}")


@contextmanager
def _progress(
    before: SearchResults, count: int, quiet: bool
) -> Iterator[Callable[[TrialResult, SearchResults], None]]:
    """What is called after each trial: it moves a bar on a terminal, or else prints a line."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.completed}/{task.total} trials"),
        BarColumn(),
        TextColumn("{task.fields[best]}"),
        TimeRemainingColumn(compact=True),
        TextColumn("left"),
        disable=quiet or not is_terminal(sys.stdout),
        transient=True,
    )
    with bar:
        row = bar.add_task(
            "", total=max(count, len(before.trials)), completed=len(before.trials), best=""
        )

        def finished(trial: TrialResult, results: SearchResults) -> None:
            pruned = f", {results.count('pruned')} ended early"
            bar.update(row, completed=len(results.trials), best=f"{_best_so_far(results)}{pruned}")
            is_best, done = results.best == trial, len(results.trials)
            if bar.disable and not quiet:
                if is_best or trial.error is not None or count <= FEW_TRIALS:
                    say(_line(trial, results))
                if done % FEW_TRIALS == 0 and count > FEW_TRIALS:
                    say(f"{done} of {count} trials, {_best_so_far(results)}{pruned}")
            elif not quiet and is_best:
                bar.console.print(styled(_line(trial, results)))

        yield finished


def _line(trial: TrialResult, results: SearchResults) -> str:
    """What came of a trial, in a line."""
    settings = ", ".join(f"{name}={trial.shown(name)}" for name in trial.parameters)
    if trial.value is not None:
        told = f"{results.metric.replace('_', ' ')} {format_number(results.metric, trial.value)}"
        told += ", the best so far" if results.best == trial else ""
    elif trial.error is None:
        told = f"ended early, after {counted(len(trial.values), 'epoch')}"
    else:
        told = trial.error
    return f"trial {trial.number}: {settings}: {told}"


def _best_so_far(results: SearchResults) -> str:
    best = results.best
    if best is None or best.value is None:
        return "none finished yet"
    return f"best {format_number(results.metric, best.value)} (trial {best.number})"


def _conclude(
    search: Search,
    results: SearchResults,
    place: Path,
    seeds: int,
    compare: Callable[..., Results | None],
    quiet: bool,
) -> None:
    """Compare the winner with the default settings, write the report, and say what came out."""
    from chainrule.errors import TrainingError
    from chainrule.experiments.document import HTML
    from chainrule.experiments.search.report import report_search
    from chainrule.experiments.search.search import describe_winner, train_command

    winner = results.best
    if winner is None:
        errors = [trial.error for trial in results.trials if trial.error]
        raise TrainingError(
            f"no trial of {place} came to its end"
            + (f"; the last one: {errors[-1]}" * bool(errors))
        )
    if not quiet:
        say()
        say(describe_winner(results, winner))
        table = new_table("setting", "best")
        for name, value in winner.parameters.items():
            add_row(table, name, str(value))
        show(table)
        say()
    compared = compare(search, winner, place, seeds, finished=_say_end(quiet))
    if compared is None:
        say("another process compares the winner with the default settings")
        return
    report_search(place).write(place)
    if not quiet:
        _show(compared)
        say()
        say("This trains with the settings found:")
        say(f"  {train_command(search.options(winner.parameters))}")
        say(f"{place / HTML} is the report")


def _say_end(quiet: bool) -> Finished:
    """What is called after each run of the comparison."""

    def finished(task: Task, error: str | None) -> None:
        if not quiet:
            say(f"{task.variant}, seed {task.seed}: {error or 'done'}")

    return finished


def _show(compared: Results) -> None:
    show_numbers(*compared.judgement())
    say(compared.legend())
    say()
    for sentence in compared.sentences():
        say(sentence)
