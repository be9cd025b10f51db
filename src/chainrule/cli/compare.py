"""``chainrule compare``: several variants of a training, each with several seeds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainrule.cli.ending import goes_on_in
from chainrule.cli.options import ExecutorPlace, Quiet, Workers, with_train_options
from chainrule.cli.terminal import complain, show_numbers, styled
from chainrule.presentation.display import counted, is_terminal, say

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from chainrule.experiments.comparison import Comparison, Finished, Task
    from chainrule.experiments.results import Results


@with_train_options
def compare(
    options: dict[str, Any],
    data: Annotated[
        str | None,
        typer.Argument(metavar="DATA|FILE.toml", help="The data, or a file with the comparison."),
    ] = None,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            metavar="NAME=A,B,…",
            help="An option of train and its values; several make a grid. Lists in brackets: "
            "hidden=[32],[128,64].",
            rich_help_panel="Comparison",
        ),
    ] = None,
    seeds: Annotated[
        int | None,
        typer.Option(
            "--seeds",
            metavar="N",
            min=1,
            help="Run each variant with seeds 0 to N-1; 5 if left out.",
            rich_help_panel="Comparison",
        ),
    ] = None,
    target: Annotated[
        float | None,
        typer.Option(
            "--target",
            metavar="VALUE",
            help="Report when the first metric reaches this, such as 0.95 for an accuracy.",
            rich_help_panel="Comparison",
        ),
    ] = None,
    workers: Workers = None,
    executor: ExecutorPlace = None,
    part: Annotated[
        str | None,
        typer.Option(
            "--part",
            metavar="I/N",
            help="Do only the I-th of N parts of the runs; the other parts belong to other "
            "processes with the same --out.",
            rich_help_panel="Comparison",
        ),
    ] = None,
    collect: Annotated[
        bool,
        typer.Option(
            "--collect",
            help="Make the tables of the comparison in --out, once all its parts are done.",
            rich_help_panel="Comparison",
        ),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="The folder of the comparison; a new one in comparisons/ if left out. One that "
            "was interrupted is continued, also with more seeds.",
            rich_help_panel="Run",
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Compare variants of a training over several seeds, with statistics.

    Every variant runs with the same seeds. The table shows what each gives and how it differs from
    the first one, and says so where the runs cannot tell.

    \b
    Examples:
      chainrule compare digits --vary learning_rate=0.001,0.01 --vary optimizer=sgd,adam
      chainrule compare parabola --vary hidden=[1],[3],[8] --epochs 50 --seeds 10
      chainrule compare digits --vary "schedule=constant,step(5)" --target 0.95 --out schedules
      chainrule compare comparison.toml
      chainrule compare comparison.toml --out rates --part 3/64
      chainrule compare --collect --out rates
    """
    from chainrule.errors import ConfigError

    if collect:
        given = (data, options, vary, seeds, target, part, workers, executor)
        _conclude_parts(_folder_of_parts(out, "--collect", any(given)), quiet)
        return
    if data is None:
        raise ConfigError("say what to compare: DATA, such as digits, or FILE.toml")
    comparison = _comparison(data, options, vary or [], seeds, target)
    where, at_a_time = executor or "local", workers or os.cpu_count() or 1
    if part is None:
        _compare_all(comparison, out or _new_place(data), where, at_a_time, quiet)
    else:
        _compare_part(comparison, part, _folder_of_parts(out, "--part"), where, at_a_time, quiet)


def _compare_all(
    comparison: Comparison, place: Path, where: str, workers: int, quiet: bool
) -> None:
    from chainrule.experiments.comparison import run_comparison
    from chainrule.parallel.executors import is_away

    total = len(comparison.tasks())
    with _running(place, where, workers, total, quiet) as (executor, finished):
        results = run_comparison(comparison, place, executor, finished, away=is_away(where))
    _conclude(results, place, quiet)


def _compare_part(
    comparison: Comparison, text: str, place: Path, where: str, workers: int, quiet: bool
) -> None:
    from chainrule.experiments.comparison import run_part
    from chainrule.experiments.tasks import parse_part
    from chainrule.parallel.executors import is_away

    part = parse_part(text)
    total = len(part.of(comparison.tasks()))
    with _running(place, where, workers, total, quiet) as (executor, finished):
        failed = run_part(comparison, part, place, executor, finished, away=is_away(where))
    if not quiet:
        say(f"part {part}: {counted(total - len(failed), 'run')} done; when all parts are,")
        say(f"`chainrule compare --collect --out {place}` makes the tables")
    if failed:
        complain(
            f"chainrule: {len(failed)} of {counted(total, 'run')} failed; the same command tries "
            "them again"
        )
        raise typer.Exit(1)


def _conclude_parts(place: Path, quiet: bool) -> None:
    from chainrule.experiments.comparison import conclude, planned

    _conclude(conclude(planned(place), place), place, quiet)


def _folder_of_parts(out: Path | None, option: str, has_more: bool = False) -> Path:
    """The folder that parts share, which must be named."""
    from chainrule.errors import ConfigError

    if out is None:
        raise ConfigError(f"{option} needs --out DIR, the folder that all parts share")
    if has_more:
        raise ConfigError(
            f"{option} makes the tables of what {out} holds and runs nothing: leave out all but "
            "--out and --quiet"
        )
    return out


def _new_place(data: str) -> Path:
    from chainrule.experiments.run_folder import next_free
    from chainrule.text import file_name

    return next_free(file_name(Path(data).stem), Path("comparisons"))


@contextmanager
def _running(
    place: Path, where: str, workers: int, total: int, quiet: bool
) -> Iterator[tuple[Executor, Finished]]:
    """Where runs go, and what is called after each; what to do when they are interrupted is
    said."""
    from chainrule.parallel.executors import executor_for

    with (
        goes_on_in(place),
        executor_for(where, workers, complain) as executor,
        _progress(total, quiet) as finished,
    ):
        yield executor, finished


def _conclude(results: Results, place: Path, quiet: bool) -> None:
    """Show the results; runs that failed are an error."""
    if not quiet:
        _show(results, place)
    failed = sum(run.error is not None for run in results.runs)
    if failed:
        complain(
            f"chainrule: {failed} of {len(results.runs)} runs failed, see {place}/results.csv; the "
            f"same command, with --out {place}, tries them again"
        )
        raise typer.Exit(1)


def _comparison(
    data: str, options: dict[str, Any], vary: list[str], seeds: int | None, target: float | None
) -> Comparison:
    from chainrule.errors import ConfigError
    from chainrule.experiments.comparison import Comparison, grid, parse_vary, read_comparison

    if not data.endswith(".toml"):
        varied = [parse_vary(text) for text in vary]
        if len(dict(varied)) < len(varied):
            raise ConfigError("an option varies twice: write all its values in one --vary")
        variants = grid(dict(varied))
        return Comparison({"data": data, **options}, variants, tuple(range(seeds or 5)), target)
    if vary:
        raise ConfigError(f"{data} says what varies: leave out --vary, or give DATA instead")
    written = read_comparison(Path(data))
    return replace(
        written,
        base={**written.base, **options},
        seeds=written.seeds if seeds is None else tuple(range(seeds)),
        target=written.target if target is None else target,
    )


@contextmanager
def _progress(total: int, quiet: bool) -> Iterator[Callable[[Task, str | None], None]]:
    """What is called after each run: it moves a bar on a terminal, and prints a line elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    bar = Progress(
        "runs",
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
        "left",
        disable=quiet or not is_terminal(sys.stdout),
    )
    with bar:
        row = bar.add_task("", total=total)

        def finished(task: Task, error: str | None) -> None:
            bar.advance(row)
            if error is not None:
                bar.console.print(styled(f"{task.variant}, seed {task.seed}, failed: {error}"))
            elif bar.disable and not quiet:
                say(f"{task.variant}, seed {task.seed}: done")

        yield finished


def _show(results: Results, place: Path) -> None:
    show_numbers(*results.judgement())
    say(results.legend())
    say()
    show_numbers(*results.costs())
    say()
    for sentence in results.sentences():
        say(sentence)
    say()
    say(f"{place}/ has results.csv, results.json and a folder for each run")
