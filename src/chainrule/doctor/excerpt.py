"""The lines that a finding is about, with those around, as the code was read."""

from __future__ import annotations

from pathlib import Path

from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.reading.notebooks import read_notebook
from chainrule.foreign.running.loading import text_of

AROUND = 1  # lines before and after


def source_of(file: Path, cell: int | None = None, other: str | None = None) -> str:
    """The source that a line stands in: that of a file, or of a cell of a notebook; "" where it
    cannot be read.

    Args:
        other: the file that the line is in, seen from the folder of `file`, if it is another one.
            The code may have made it up: only what lies in that folder, or the one above, is read.
    """
    place = file if other is None else (file.parent / other).resolve()
    if other is not None and not place.is_relative_to(file.resolve().parent.parent):
        return ""
    try:
        return text_of(place) if cell is None else "\n".join(read_notebook(place).lines_of(cell))
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
