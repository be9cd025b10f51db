"""The table that `Network.summary` shows."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.chain import Chain
from chainrule.presentation.display import counted
from chainrule.presentation.html import html_table
from chainrule.types import Shape

HEADER = ("", "layer", "output shape", "parameters")


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
        cells = [HEADER, *self._cells()]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            f"{a:>{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}".rstrip()
            for a, b, c, d in cells
        ]
        rule = "─" * (sum(widths) + 6)
        return "\n".join([lines[0], rule, *lines[1:], rule, self._total()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(HEADER, self._cells(), [self._total()])

    def _cells(self) -> list[tuple[str, str, str, str]]:
        rows = [
            (row.position, row.layer, str(row.output_shape), f"{row.parameters:,}")
            for row in self.rows
        ]
        return [("", "input", str(self.input_shape), ""), *rows]

    def _total(self) -> str:
        return f"{counted(self.parameters, 'parameter')}, {self.bytes / 1024:,.1f} KiB"


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
