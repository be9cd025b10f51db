"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir", metavar="DIR", help="Where to look for data first; else CHAINRULE_DATA."
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
RunFolder = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run folder, as `chainrule train` writes it.")
]
