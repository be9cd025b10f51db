"""``chainrule assignment``: what an instructor hands out, made from a solution."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainrule.cli.grade import progress
from chainrule.cli.options import must_be_code, must_be_file
from chainrule.cli.terminal import Program
from chainrule.presentation.display import say

app = Program(help="Make an assignment for students from a solution.", no_args_is_help=True)


@app.callback()
def assignment() -> None:
    """Make an assignment for students from a solution."""


@app.command("new")
def new(
    solution: Annotated[
        Path,
        typer.Argument(
            metavar="SOLUTION.py", help="Hand-written gradients, with a function example(rng)."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="The folder to write.")],
    kind: Annotated[
        str,
        typer.Option("--format", metavar="NAME", help="pytest, or a notebook: otter or nbgrader."),
    ] = "pytest",
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, help="Runs at a time.")
    ] = 2,
) -> None:
    """Write an assignment: the solution with its bodies left out, and tests of every gradient.

    Students need only NumPy and pytest to run the tests. Before anything is written the tests are
    graded, as chainrule grade does: they must reject every wrong variant of the solution. That
    needs pytest here too: pip install 'chainrule[grade]'.

    \b
    Examples:
      chainrule assignment new layers.py --out lab
      chainrule assignment new layers.py --out lab --format nbgrader
    """
    from chainrule.assignments.assignment import FORMATS, new_assignment
    from chainrule.configurable import find_name
    from chainrule.errors import OutputError

    chosen = find_name(kind, FORMATS, "format")
    must_be_file(solution)
    if out.exists():
        raise OutputError(f"{out} already exists: choose another --out")
    with progress("wrong variants") as finished:
        lab = new_assignment(solution, chosen, workers, finished)
    lab.write(out)
    say(f"{out}/ has {' and '.join(lab.files)}")
    say(f"left to write: {', '.join(lab.left_out)}")
    noticed = len(lab.grade.killed)
    say(f"the tests pass on {solution}, and notice all {noticed} wrong variants of it")


@app.command("autograder")
def autograder(
    out: Annotated[Path, typer.Option("--out", metavar="FILE.zip", help="The zip file to write.")],
    solution: Annotated[
        Path | None,
        typer.Option(
            "--solution",
            metavar="RIGHT.py",
            help="The right solution, to which submissions are compared.",
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--file", metavar="NAME", help="The file to check in each submission."),
    ] = None,
    points: Annotated[
        float,
        typer.Option(
            "--points", metavar="N", min=0, help="How many points a right submission gets."
        ),
    ] = 100,
    hide_suggestions: Annotated[
        bool, typer.Option("--hide-suggestions", help="Do not show the corrections.")
    ] = False,
    wheel: Annotated[
        Path | None,
        typer.Option(
            "--wheel",
            metavar="FILE.whl",
            help="The wheel of chainrule to install: make wheel writes one to dist/.",
        ),
    ] = None,
) -> None:
    """Write the zip file with which Gradescope checks submissions.

    It holds setup.sh, run_autograder, the wheel of chainrule, and the solution if there is one.
    Each submission gets points for each right gradient, and says what is wrong.

    \b
    Example:
      chainrule assignment autograder --solution right.py --file layers.py \\
        --wheel dist/chainrule-*.whl --out autograder.zip
    """
    from chainrule.classroom.autograder import Settings, write_autograder
    from chainrule.errors import ArgumentError, OutputError

    if wheel is None:
        raise ArgumentError(
            "Gradescope cannot install chainrule by its name, since it is not on PyPI: write a "
            "wheel to dist/ with `make wheel`, in a clone, and give it with --wheel"
        )

    if out.exists():
        raise OutputError(f"{out} already exists: choose another --out")
    if solution is not None:
        must_be_code(solution)
    must_be_file(wheel)
    write_autograder(out, Settings(only, points, hide_suggestions), wheel, solution)
    say(f"{out} can be uploaded to Gradescope as the autograder of a programming assignment")
