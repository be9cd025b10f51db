"""``chainrule export-notebook``: a run as a Jupyter notebook."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainrule.cli.options import RunFolder
from chainrule.presentation.display import say


def export_notebook(
    run: RunFolder,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE.ipynb", help="The notebook to write.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a Jupyter notebook that repeats a run with the Python interface.

    \b
    Example:
      chainrule export-notebook runs/digits-cnn-1 --out digits.ipynb
    """
    from chainrule.errors import OutputError
    from chainrule.experiments.notebook import write_notebook
    from chainrule.experiments.run_folder import read_run

    if out.exists() and not force:
        raise OutputError(f"{out} already exists: choose another --out, or give --force")
    write_notebook(read_run(run), out)
    say(f"{out} repeats {run}")
