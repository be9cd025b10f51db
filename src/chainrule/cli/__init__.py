"""The command line: a file for each command of ``chainrule``."""

from __future__ import annotations

import os
import signal
import sys
from typing import Annotated

import typer

from chainrule import __version__
from chainrule.cli import (
    assignment,
    check,
    compare,
    data,
    evaluate,
    explain,
    export,
    export_notebook,
    grade,
    lab,
    predict,
    report,
    summary,
    train,
    tune,
    warm_up,
)
from chainrule.cli.ending import Ended, close_output, leave, raise_endings
from chainrule.cli.terminal import Program, complain, write_whatever_comes
from chainrule.errors import ChainruleError
from chainrule.extras import missing_package
from chainrule.parallel.mpi import is_follower
from chainrule.presentation.display import say

app = Program(
    help="Train neural networks whose every gradient is written out by hand.\n\n"
    "Begin with:  chainrule train digits\n\n"
    "Have you written a backward pass?  chainrule check mine.py",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.command("train")(train.train)
app.command("check")(check.check)
app.command("compare")(compare.compare)
app.command("tune")(tune.tune)
app.command("evaluate")(evaluate.evaluate)
app.command("predict")(predict.predict)
app.command("summary")(summary.summary)
app.command("report")(report.report)
app.command("explain")(explain.explain)
app.command("grade")(grade.grade)
app.command("export")(export.export)
app.command("export-notebook")(export_notebook.export_notebook)
app.command("warm-up")(warm_up.warm_up)
app.add_typer(assignment.app, name="assignment")
app.add_typer(data.app, name="data")
app.add_typer(lab.app, name="lab")


def show_version(asked: bool) -> None:
    """Print the version and leave."""
    if asked:
        say(f"chainrule {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", callback=show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """What stands before the name of a command."""


def main() -> None:
    """Run a command. What is wrong with the input is one message and exit code 2; a signal that
    ends the process lets it put things in order first."""
    write_whatever_comes()
    raise_endings()
    if is_follower():  # one process speaks for all
        if sys.argv[1:2] != ["train"]:
            return  # and does all of what is not shared
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    try:
        app(prog_name="chainrule")  # in completions and usage, however it was started
    except ChainruleError as error:
        fail(str(error))
    except ModuleNotFoundError as error:
        fail(str(missing_package("this command", error)))
    except MemoryError as error:
        fail(f"out of memory: {error}; a smaller network, batch or data set needs less")
    except Ended as ended:
        leave(str(ended), ended.number)
    except KeyboardInterrupt:
        leave("interrupted", signal.SIGINT)
    except BrokenPipeError:  # whoever read the output has read enough, as in `… | head -1`
        close_output()
    except OSError as error:  # a library that finds no memory to be loaded into, among others
        fail(f"the system refused something: {error}")


def fail(message: str) -> None:
    """Say what is wrong and leave with exit code 2."""
    complain(f"chainrule: {message}")
    sys.exit(2)
