"""Tables: an example a row, and columns that have names and hold numbers or text.

`delimited`, `records` and `frames` read tables; `columns` and `layout` turn their columns into what
a network takes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from chainrule.errors import DataError
from chainrule.limits import is_plain, shortened
from chainrule.presentation.display import counted
from chainrule.spelling import nearest
from chainrule.types import Array

LARGEST = float(np.finfo(np.float32).max)
MISTYPED = 3  # different texts in a column of numbers, which are then mistakes and no categories

MISSING = frozenset(
    ["", "?", "-", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None"]
)
"""What stands for a value that is missing."""

LABEL_NAMES = ("label", "labels", "target", "class", "species", "y")
INDEX_NAMES = ("", "index", "Unnamed: 0", "rownames")  # of what rows are called in pandas and R
ID_NAME = re.compile(r"(.*[\W_])?(id|ID|Id)|.*[a-z](Id|ID)")

COMMA_NUMBER = re.compile(r"[-+]?\d+,\d+(e[-+]?\d+)?", re.IGNORECASE)
POINT_NUMBER = re.compile(r"[-+]?\d*\.\d+(e[-+]?\d+)?", re.IGNORECASE)
THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}([.,' ]\d{3})+([.,]\d+)?")


@dataclass(frozen=True)
class Table:
    """Named columns of one length.

    `values` is ``(rows, columns)`` where all columns are numbers and none is missing; else there is
    an array for each column: numbers, NaN where one is missing, or text, None where it is.
    `names` are those of the header, or the positions ``"0"``, ``"1"``, … where there is none.
    `lines` are those of the file on which the rows stand, where it has lines.
    """

    origin: str
    names: tuple[str, ...]
    has_header: bool
    values: Array | Sequence[Array]
    lines: Sequence[int] | None = None
    notes: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.values if isinstance(self.values, np.ndarray) else self.values[0])

    def column(self, position: int) -> Array:
        """The cells of one column."""
        if isinstance(self.values, np.ndarray):
            return self.values[:, position]
        return self.values[position]

    def matrix(self, positions: Sequence[int]) -> Array | None:
        """Some columns side by side; None unless all are numbers."""
        if isinstance(self.values, np.ndarray):
            everything = list(positions) == list(range(self.values.shape[1]))
            return self.values if everything else self.values[:, positions]
        chosen = [self.values[position] for position in positions]
        if not chosen or any(column.dtype == object for column in chosen):
            return None
        return np.stack(chosen, axis=1)

    def first_text(self, positions: Sequence[int]) -> int:
        """The first of some columns that holds text."""
        return next(at for at in positions if self.column(at).dtype == object)

    def place(self, row: int, position: int | None = None) -> str:
        """Where a row or a cell stands: the line of the file, where it has lines."""
        line = f"example {row}" if self.lines is None else f"line {self.lines[row]}"
        column = "" if position is None else f", column {self.describe(position)}"
        return f"{self.origin}, {line}{column}"

    def describe(self, position: int) -> str:
        """A column's name, or its position where it has none."""
        if not self.has_header:
            return str(position)
        return quoted(self.names[position])

    def find(self, column: int | str) -> int:
        """The position of a column. `column` is its name, or its position, counted from 0, or from
        the end when negative.

        Raises:
            DataError: there is no such column; the nearest name is offered.
        """
        count = len(self.names)
        if self.has_header and str(column) in self.names:
            return self.names.index(str(column))
        if not is_whole(str(column)):
            raise DataError(self._describe_missing(str(column)))
        if not -count <= int(column) < count:
            raise DataError(
                f"{self.origin} has {counted(count, 'column')} and no column {column}: positions "
                f"go from 0 to {count - 1}, or from -1 to -{count} from the end"
            )
        return int(column) % count

    def find_ids(self) -> list[int]:
        """The columns that only say which example is which: those called ``Id``, ``PassengerId``,
        ``image_id``, and the first one where pandas or R wrote what the rows are called:
        whole numbers or words, all different."""
        if not self.has_header:
            return []
        found = [at for at, name in enumerate(self.names) if ID_NAME.fullmatch(name)]
        if self.names[0] in INDEX_NAMES and len(self.names) > 1 and self.has_distinct(0):
            found.append(0)
        return sorted(found)

    def has_distinct(self, position: int) -> bool:
        """True of a column of whole numbers or words that are all different."""
        column = self.column(position)
        if column.dtype == object:
            return None not in column and len({*column.tolist()}) == len(column)
        return bool(np.all(column == np.floor(column)) and len(np.unique(column)) == len(column))

    def find_twice(self) -> None:
        """Refuse two columns of one name."""
        if self.has_header and len(set(self.names)) < len(self.names):
            twice = next(name for name in self.names if self.names.count(name) > 1)
            raise DataError(f"{self.origin} has two columns called {quoted(twice)}: rename one")

    def _describe_missing(self, name: str) -> str:
        if not self.has_header:
            return (
                f"{self.origin} has no header, so no column is called {name!r}: "
                "give the position of the column, such as 0 or -1"
            )
        meant = nearest(name, self.names, likeness=0)
        return f"{self.origin} has no column called {name!r}; did you mean {meant!r}?"


def quoted(name: str) -> str:
    """A name from a file, as messages show it.

    >>> quoted("petal length")
    '`petal length`'
    """
    return f"`{shortened(name)}`"


def listed_in_order(names: Iterable[str], most: int = 20) -> str:
    """Names from a file in their order, and of many the first ones."""
    known = list(names)
    more = f", … ({len(known):,} in all)" if len(known) > most else ""
    return ", ".join(quoted(name) for name in known[:most]) + more


def number_text(value: float) -> str:
    """A number as text: whole ones without a point.

    >>> number_text(3.0), number_text(0.5)
    ('3', '0.5')
    """
    return str(int(value)) if value == math.floor(value) else f"{value:g}"


def is_number(cell: str) -> bool:
    """True if a cell is a number, as files write it."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def parse_table(
    origin: str,
    header: Sequence[str] | None,
    columns: Sequence[Sequence[str]],
    lines: Sequence[int],
    notes: Sequence[str] = (),
) -> Table:
    """A table from the texts of its cells: each column becomes numbers where all of its cells are.

    Raises:
        DataError: a column of numbers holds something else, or a number too large for float32; the
            message names line and column.
    """
    has_comma = _uses_decimal_comma(columns)
    told = [*notes, *(["decimal commas were read as decimal points"] if has_comma else [])]
    names = tuple(header or map(str, range(len(columns))))
    table = Table(origin, names, header is not None, (), lines, tuple(told))
    parsed = [_parse(table, at, column, has_comma) for at, column in enumerate(columns)]
    return Table(origin, names, header is not None, parsed, lines, tuple(told))


def text_column(cells: Iterable[str | None], origin: str) -> Array:
    """Cells of text, None where one is missing.

    Raises:
        DataError: a text that no screen shows in a line.
    """
    column = np.array([*cells, None], dtype=object)[:-1]  # an array of objects, whatever they are
    for text in {*column.tolist()}:
        if text is not None and not is_plain(text):
            raise DataError(f"{origin} holds {shortened(repr(text))}: give it in plain text")
    return column


def _parse(table: Table, position: int, cells: Sequence[str], decimal_comma: bool) -> Array:
    if decimal_comma:
        cells = [cell.replace(",", ".") if COMMA_NUMBER.fullmatch(cell) else cell for cell in cells]
    numbers, odd = np.full(len(cells), np.nan), []
    for row, cell in enumerate(cells):
        if cell in MISSING:
            continue
        if is_number(cell):
            numbers[row] = float(cell)
        else:
            odd.append(row)
    counted = int(np.count_nonzero(~np.isnan(numbers)))
    missing = len(cells) - counted - len(odd)
    if not odd:
        _refuse_numbers(table, position, numbers, cells)
        return numbers
    strange = {cells[row] for row in odd}
    where = table.place(odd[0], position)
    if 2 * counted >= len(cells) - missing and len(strange) <= MISTYPED:
        raise DataError(
            f"{where} holds {shortened(repr(cells[odd[0]]))}, expected a number as elsewhere in "
            "this column: mend it, or leave it empty where the value is missing"
        )
    if all(THOUSANDS.fullmatch(text) for text in strange):
        raise DataError(
            f"{where} holds {shortened(repr(cells[odd[0]]))}: write numbers without marks between "
            "the thousands, and with a decimal point"
        )
    return text_column((None if cell in MISSING else cell for cell in cells), where)


def _refuse_numbers(table: Table, position: int, numbers: Array, cells: Sequence[str]) -> None:
    faulty = np.flatnonzero(np.abs(numbers) > LARGEST)
    if not faulty.size:
        return
    row = int(faulty[0])
    shown, where = shortened(repr(cells[row])), table.place(row, position)
    if math.isinf(numbers[row]) and "inf" in cells[row].lower():
        raise DataError(f"{where} holds {shown}, expected a finite number: leave it empty")
    raise DataError(f"{where} holds {shown}, too large for a 32-bit number: scale the column down")


def _uses_decimal_comma(columns: Sequence[Sequence[str]]) -> bool:
    """True if numbers are written as 1,5. Where all of them could be thousands, as in 1,500, or
    others have a point, they are not."""
    with_comma = {cell for column in columns for cell in column if COMMA_NUMBER.fullmatch(cell)}
    if all(map(THOUSANDS.fullmatch, with_comma)):
        return False
    return not any(POINT_NUMBER.fullmatch(cell) for column in columns for cell in column)


def is_whole(cell: str) -> bool:
    """True if a cell is a whole number."""
    return cell.strip().removeprefix("-").isdecimal()
