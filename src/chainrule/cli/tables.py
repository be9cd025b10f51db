"""Tables on the terminal, and in files and pipes."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

PIPED_WIDTH = 200
"""Columns of a table that goes to a file or another program, where nothing need be folded."""


def new_table(*titles: str, numbers: Sequence[str] = ()) -> Table:
    """An empty table; the columns named in `numbers` are aligned to the right."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for title in titles[:-1]:
        table.add_column(title, no_wrap=True, justify="right" if title in numbers else "left")
    table.add_column(titles[-1], overflow="fold")
    return table


def add_row(table: Table, *cells: str) -> None:
    """A row of plain text, in which rich finds no markup."""
    from rich.text import Text

    table.add_row(*(Text(cell) for cell in cells))


def show(table: Table) -> None:
    """Print a table."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False).print(table)
