"""CSV tables: one example a line, its features and perhaps its label as numbers.

A well-formed table is read at full speed by NumPy. Only when that fails, or finds numbers
that cannot be used, is it read again line by line, to say where the trouble is.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from chainrule.data.raw import find_unusable
from chainrule.errors import DataError
from chainrule.limits import shortened
from chainrule.types import Array

LABEL_NAME = "label"
MOST_COLUMNS = 1_000_000
LONGEST_ROW = 32_000_000  # characters
LARGEST = float(np.finfo(np.float32).max)
NAMES_COMPARED = 1000  # with a misspelt one; comparing takes long


@dataclass(frozen=True)
class Table:
    """A table of finite numbers, and the names of its columns where it has a header."""

    path: Path
    values: Array
    header: list[str] | None

    @property
    def columns(self) -> int:
        """How many columns there are, that of the labels included."""
        return int(self.values.shape[1])

    def find_column(self, column: int | str | None) -> int:
        """The position of the label column. `column` is its name, or its position, counted
        from 0, or from the end when negative; None means the column called ``label``, or
        the first where none is.

        Raises:
            DataError: there is no such column; the nearest name is offered.
        """
        names = self.header or []
        if column is None:
            return names.index(LABEL_NAME) if LABEL_NAME in names else 0
        if isinstance(column, str) and column in names:
            return names.index(column)
        if isinstance(column, str) and not _is_whole(column):
            raise DataError(self._describe_missing(column))
        if not -self.columns <= int(column) < self.columns:
            raise DataError(
                f"{self.path} has {self.columns} columns and no column {column}: positions go "
                f"from 0 to {self.columns - 1}, or from -1 to -{self.columns} from the end"
            )
        return int(column) % self.columns

    def separate(self, label: int) -> tuple[Array, Array]:
        """The features, and the column `label` taken out of them."""
        features = np.delete(self.values, label, axis=1)
        return _as_bytes(features), self.values[:, label]

    def features(self) -> Array:
        """All columns: a table without labels."""
        return _as_bytes(self.values)

    def _describe_missing(self, name: str) -> str:
        if self.header is None:
            return (
                f"{self.path} has no header, so no column is called {name!r}: "
                "give the position of the label column, such as 0 or -1"
            )
        compared = [shortened(column) for column in self.header[:NAMES_COMPARED]]
        nearest = difflib.get_close_matches(name, compared, n=1, cutoff=0)
        return f"{self.path} has no column called {name!r}; did you mean {nearest[0]!r}?"


def read_table(path: Path) -> Table:
    """Read a CSV file, with or without a header line.

    The first line is a header when it holds text, unless it looks like an example: with a
    number such as 0.5 among the text, or the same number twice.

    Raises:
        DataError: the file is empty, ragged, not text, or holds anything that is not a
            finite number; the message names line and column.
    """
    try:
        first = next(_rows(path), None)
        if first is None:
            raise DataError(f"{path} is empty: expected lines of numbers separated by commas")
        line, cells = first
        if len(cells) == 1 and any(mark in cells[0] for mark in ";\t"):
            raise DataError(
                f"{path}, line {line} has no comma but semicolons or tabs: save it with its "
                "columns separated by commas, and with points in decimal numbers"
            )
        header = cells if _is_header(cells) else None
        return Table(path, _read_values(path, line if header else 0, len(cells)), header)
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text in UTF-8: save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{path} is not a CSV file: {error}") from None


class _Lines:
    """The lines of a table; one that is too long for the memory is refused, and so is a row. A row
    of many cells takes far more memory than it has bytes in the file."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self._path = path
        self._file = file
        self.begin_row()

    def begin_row(self) -> None:
        """Count anew; until then, lines belong to one row, whose quoted cells hold line breaks."""
        self._characters = self._commas = 0

    def singly(self) -> Iterator[str]:
        """Each line, taken for a row."""
        for line in self:
            self.begin_row()
            yield line

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(LONGEST_ROW + 1)
        if not line:
            raise StopIteration
        self._characters += len(line)
        self._commas += line.count(",")
        if self._characters > LONGEST_ROW or self._commas >= MOST_COLUMNS:
            raise DataError(
                f"{self._path} has a row of more than {MOST_COLUMNS:,} columns or "
                f"{LONGEST_ROW:,} characters: save it as an array in an NPY file"
            )
        return line


def _read_values(path: Path, header_lines: int, columns: int) -> Array:
    """The numbers below the header. Bytes are tried first: images are by far the largest
    tables, and are read fastest so."""
    if not any(line > header_lines for line, _ in _rows(path)):
        raise DataError(f"{path} has a header but no examples below it: add one line for each")
    problem = "some of its numbers are not finite"
    for number_type in (np.uint8, np.float64):
        try:
            values = _load_text(path, header_lines, number_type)
        except ValueError as error:
            problem = str(error)
            continue
        if values.shape[1] == columns and find_unusable(values) is None:
            return values
    _explain(path, header_lines, columns)
    raise DataError(f"{path} cannot be read: {problem}")


def _load_text(path: Path, header_lines: int, number_type: type[np.generic]) -> Array:
    with path.open(encoding="utf-8-sig") as file:
        return np.loadtxt(
            _Lines(path, file).singly(),
            dtype=number_type,
            delimiter=",",
            quotechar='"',
            comments=None,
            skiprows=header_lines,
            ndmin=2,
        )


def _explain(path: Path, header_lines: int, columns: int) -> None:
    """Raise an error for the first cell or line that is not as it should be."""
    for line, cells in _rows(path):
        if line <= header_lines:
            continue
        if len(cells) != columns:
            raise DataError(
                f"{path}, line {line} has {len(cells)} values, but the lines above have "
                f"{columns}: every line needs the same columns"
            )
        for position, cell in enumerate(cells, start=1):
            fault = _find_fault(cell)
            if fault:
                raise DataError(f"{path}, line {line}, column {position} {fault}")


def _find_fault(cell: str) -> str | None:
    if _is_number(cell) and abs(float(cell)) <= LARGEST:
        return None
    shown = shortened(repr(cell))
    if not cell:
        return "is empty: fill in a number, or leave the line out"
    if not _is_number(cell):
        return (
            f"holds {shown}, expected a number: number the classes 0, 1, 2, … and leave out "
            "columns of text"
        )
    if not math.isfinite(float(cell)):
        return f"holds {shown}, expected a finite number: fill one in, or leave the line out"
    return f"holds {shown}, too large for a 32-bit number: scale the column down"


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the number of its (last) line, counted from 1."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = _Lines(path, file)
        reader = csv.reader(lines)
        for cells in reader:
            lines.begin_row()
            if cells:
                yield reader.line_num, [cell.strip() for cell in cells]


def _is_header(cells: list[str]) -> bool:
    numbers = [cell for cell in cells if _is_number(cell)]
    names = [cell for cell in cells if cell and not _is_number(cell)]
    looks_like_example = len(set(numbers)) < len(numbers) or not all(map(_is_whole, numbers))
    return bool(names) and not looks_like_example


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _is_whole(cell: str) -> bool:
    return cell.strip().removeprefix("-").isdecimal()


def _as_bytes(values: Array) -> Array:
    """Whole numbers from 0 to 255, however they were written, are the pixels of images."""
    if values.dtype == np.uint8 or values.min() < 0 or values.max() > 255:
        return values
    return values.astype(np.uint8) if np.all(values == np.floor(values)) else values
