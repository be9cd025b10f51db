"""The lines that a finding is about, with those around, as the code was read."""

from __future__ import annotations

from pathlib import Path

from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.loading import text_of
from chainrule.foreign.notebooks import read_notebook

AROUND = 1  # lines before and after


def source_of(file: Path, cell: int | None) -> str:
    """The source of a file, or of a cell of a notebook; "" where it cannot be read."""
    try:
        return text_of(file) if cell is None else "\n".join(read_notebook(file).lines_of(cell))
    except CannotCheckError:
        return ""


def around(line: int, source: str) -> list[tuple[int, str]]:
    """A line and its neighbours, with their numbers.

    >>> around(3, "a = 1\\nb = 2\\nc = 3\\n")
    [(2, 'b = 2'), (3, 'c = 3')]
    """
    lines = source.removesuffix("\n").split("\n") if source else []
    numbers = range(max(1, line - AROUND), min(len(lines), line + AROUND) + 1)
    return [(number, lines[number - 1]) for number in numbers]
