"""``chainrule lab``: five university labs, each with one command."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from chainrule.cli.options import DataDir, PictureFormat, also_in
from chainrule.cli.terminal import Program, console
from chainrule.presentation.display import say

app = Program(
    help="Repeat a university lab, and compare with what its report says.",
    no_args_is_help=True,
)


@app.command("list")
def list_labs() -> None:
    """List the labs."""
    from chainrule.labs import LABS

    width = max(map(len, LABS))
    for lab in LABS.values():
        say(f"{lab.name:<{width}}  {lab.title}")


@app.command("run")
def run_lab(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A lab from `chainrule lab list`.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="In seconds: fewer seeds, epochs and examples.")
    ] = False,
    seed: Annotated[
        int,
        typer.Option("--seed", metavar="N", min=0, help="The first of the seeds."),
    ] = 0,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Write report.md, report.html and the pictures; else tables on the terminal only.",
        ),
    ] = None,
    format: PictureFormat = None,
    data_dir: DataDir = None,
) -> None:
    """Run a lab, and show its tables.

    \b
    Examples:
      chainrule lab run parabola
      chainrule lab run mnist-mlp --quick --out labs/mnist-mlp
    """
    from chainrule.configurable import find_name
    from chainrule.errors import OutputError
    from chainrule.labs import LABS
    from chainrule.labs.lab import Setting

    formats = also_in(format)
    if formats and out is None:
        raise OutputError("--format is for the pictures of a report: give --out DIR as well")
    lab = LABS[find_name(name, LABS, "lab")]
    if out is not None:
        refuse_other_files(out, lab.name)
    document = lab.run(Setting(quick, seed, data_dir, workers=os.cpu_count() or 1))
    document.show(console())
    if out is None:
        say("With --out DIR the report is written there, with its pictures.")
    else:
        document.write(out, formats)
        say(f"{out}/ has report.md, report.html and the pictures")


def refuse_other_files(out: Path, lab: str) -> None:
    """Raise an OutputError unless a folder is new, empty, or holds a report of the same lab, which
    the new one takes the place of."""
    from chainrule.errors import OutputError
    from chainrule.experiments.document import MARKDOWN

    if out.exists() and not out.is_dir():
        raise OutputError(f"{out} is a file: give a folder, in which the report is written")
    report = out / MARKDOWN
    if not out.exists() or not any(out.iterdir()):
        return
    if not report.is_file() or f"chainrule lab run {lab}" not in report.read_text(
        "utf-8", "replace"
    ):
        raise OutputError(
            f"{out} holds other files than a report of the lab {lab}: give a new folder"
        )
