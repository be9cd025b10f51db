"""The table that `Network.summary` shows."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.chain import Chain
from chainrule.types import Shape


@dataclass(frozen=True)
class Row:
    """One layer: where it is, what it is, what comes out, and how many parameters it has."""

    position: str
    layer: str
    output_shape: Shape
    parameters: int


@dataclass(frozen=True)
class Summary:
    """The layers of a network as a table; printing it shows it."""

    input_shape: Shape
    rows: list[Row]
    parameters: int
    bytes: int

    def __str__(self) -> str:
        cells = [("", "layer", "output shape", "parameters")]
        cells += [("", "input", str(self.input_shape), "")]
        cells += [
            (row.position, row.layer, str(row.output_shape), f"{row.parameters:,}")
            for row in self.rows
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            f"{a:>{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}".rstrip()
            for a, b, c, d in cells
        ]
        rule = "─" * (sum(widths) + 6)
        total = f"{self.parameters:,} parameters, {self.bytes / 1024:,.1f} KiB"
        return "\n".join([lines[0], rule, *lines[1:], rule, total])

    __repr__ = __str__


def summarize(network: Chain) -> Summary:
    """The summary of a network: its layers, those inside others one row for the outer one."""
    rows = [
        Row(str(position), repr(layer), shape, _parameters_at(network, position))
        for position, (layer, shape) in enumerate(
            zip(network.layers, network.root.output_shapes, strict=True)
        )
    ]
    values = network.parameters.flat
    return Summary(network.input_shape, rows, values.size, values.nbytes)


def _parameters_at(network: Chain, position: int) -> int:
    """How many parameters lie at a position; none where a layer stands for the second time."""
    prefix = f"{position}."
    return sum(v.size for name, v in network.parameters.items() if name.startswith(prefix))
