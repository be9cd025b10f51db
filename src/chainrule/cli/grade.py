"""``chainrule grade``: would these tests notice a wrong gradient?"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.cli.options import must_be_file
from chainrule.cli.terminal import add_row, new_table, say_lines, show
from chainrule.presentation.display import counted, is_terminal, say

if TYPE_CHECKING:
    from chainrule.grading.grader import Grade


def grade(
    tests: Annotated[
        list[Path], typer.Argument(metavar="TESTS.py…", help="The tests, as pytest takes them.")
    ],
    subject: Annotated[
        Path,
        typer.Option(
            "--subject",
            metavar="SOLUTION.py",
            help="The right solution, which the tests import by its name.",
        ),
    ],
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, help="Runs at a time.")
    ] = 2,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the result as JSON and nothing else.")
    ] = False,
) -> None:
    """Would these tests notice a wrong gradient?

    It grades tests of hand-written gradients, not the gradients (chainrule check does that). The
    tests run on wrong variants of a right solution, each with one mistake in its backward code. A
    variant that passes them is a survivor: the check that they lack is shown beside it.

    Exit code 0: no survivors; 1: survivors; 2: the tests cannot be graded. It needs pytest:
    pip install 'chainrule[grade]'.

    \b
    Example:
      chainrule grade test_layers.py --subject layers.py
    """
    from chainrule.grading.grader import grade as grade_tests

    must_be_file(subject)
    with progress("wrong variants", quiet=as_json) as finished:
        result = grade_tests(tests, subject, workers, finished)
    if as_json:
        say_lines(json.dumps(result.as_json(), indent=2))
    else:
        _show(result, tests, subject)
    if not result.ok:
        raise typer.Exit(1)


@contextmanager
def progress(what: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time left, on a terminal; what it yields is called with (done, total)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    bar = Progress(
        what,
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
        "left",
        transient=True,
        disable=quiet or not is_terminal(sys.stdout),
    )
    with bar:
        row = bar.add_task("", total=None)
        yield lambda done, total: bar.update(row, completed=done, total=total)


def _show(result: Grade, tests: list[Path], subject: Path) -> None:
    count = counted(len(result.killed) + len(result.survivors), "wrong variant")
    files = " ".join(map(str, tests))
    say(f"{counted(result.tests, 'test')} in {files}, run on {count} of {subject}")
    say(f"  noticed   {len(result.killed)}")
    say(f"  survived  {len(result.survivors)}")
    if result.equivalent:
        say(f"  left out  {len(result.equivalent)} more, which change no gradient")
    for each in result.missing:
        say(f"not enforced on this machine: {each}")
    for name in result.uncalled:
        say()
        say(f"{name} is never called by the tests.")
    if result.ok:
        say()
        say("No wrong gradient passes these tests.")
        return
    say_lines("\nThe tests would pass these:\n\n")
    table = new_table("line", "gradient", "cause", "what was changed", numbers=("line",))
    for mutant in result.survivors:
        add_row(table, str(mutant.line or ""), mutant.gradient, mutant.code, mutant.description)
        add_row(table, "", "", "", f"missing: {mutant.missing}")
    show(table)
