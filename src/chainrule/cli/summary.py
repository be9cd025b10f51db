"""``chainrule summary``: the layers of a network and how many parameters they have."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.cli.terminal import say_lines

if TYPE_CHECKING:
    from chainrule.network import Network


def summary(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|FILE", help="A run folder, a saved model, or a TOML file with layers."
        ),
    ],
) -> None:
    """Print a table of layers, output shapes and parameters.

    \b
    Examples:
      chainrule summary runs/digits-mlp-1
      chainrule summary lenet.toml
    """
    say_lines(str(_network(source).summary()))


def _network(source: Path) -> Network:
    from chainrule.experiments.models import read_network
    from chainrule.experiments.run_folder import read_run
    from chainrule.network import load

    if source.is_dir():
        return read_run(source).network
    return read_network(source) if source.suffix == ".toml" else load(source)
