"""``chainrule export``: a run's network in a file for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainrule.cli.options import RunFolder, open_run
from chainrule.presentation.display import say


def export(
    run: RunFolder,
    onnx: Annotated[Path, typer.Option("--onnx", metavar="FILE.onnx", help="The file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
) -> None:
    """Write a run's network as an ONNX file.

    The file takes examples as the run's data has them: it scales pixels and standardizes
    columns itself. Images have the channels last; of a column of words, each category
    is a column of 0 and 1.

    \b
    Example:
      chainrule export runs/digits-cnn-1 --onnx digits.onnx
    """
    from chainrule.errors import OutputError
    from chainrule.onnx_export import export as write_onnx

    if onnx.exists() and not force:
        raise OutputError(f"{onnx} already exists: choose another --onnx, or give --force")
    opened = open_run(run)
    write_onnx(opened.network, onnx)
    shapes = (opened.network.input_shape, opened.network.output_shape)
    x, y = (", ".join(["N", *map(str, shape)]) for shape in shapes)
    say(f"{onnx}: x ({x}) goes in, y ({y}) comes out")
