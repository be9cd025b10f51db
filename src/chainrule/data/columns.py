"""What a network makes of a table's columns: numbers are standardized, categories become a column
of 0 and 1 for each of their values. What that needs is learnt on the training part."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from chainrule.data.tables import Table, listed_in_order, number_text, quoted
from chainrule.display import counted
from chainrule.errors import DataError
from chainrule.limits import shortened
from chainrule.types import Array

MOST_CATEGORIES = 100
FEW_CATEGORIES = 10  # so many are categories in a small table, too
ROWS_TO_A_CATEGORY = 10  # in a large one; a text that stands on every other line is no category

DATE = re.compile(
    r"""
      \d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T\ ].*)?         # 2020-01-31, with a time perhaps
    | \d{1,2}[-/.]\d{1,2}[-/.](\d{4}|\d{2})(\ .*)?    # 31.01.2020
    | \d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(\ ?[AaPp][Mm])?  # 12:30
    | \d{1,2}[-\ ][A-Za-z]{3,9}\.?[-\ ,]+\d{2,4}.*    # 31-Jan-2020
    | [A-Za-z]{3,9}\.?\ \d{1,2},?\ \d{4}.*            # January 31, 2020
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class NumberColumn:
    """(x - mean) / deviation; where x is missing, the median stands for it."""

    name: str
    median: float
    mean: float
    deviation: float

    @property
    def width(self) -> int:
        """How many numbers it is to the network."""
        return 1

    @classmethod
    def learn(cls, name: str, values: Array) -> NumberColumn:
        """From the training part, some of which may be missing. A constant becomes 0.

        >>> NumberColumn.learn("size", np.array([1.0, 3.0, np.nan]))
        NumberColumn(name='size', median=2.0, mean=2.0, deviation=0.816496580927726)
        """
        values = values.astype(np.float64)
        median = float(np.median(values[~np.isnan(values)]))
        filled = np.where(np.isnan(values), median, values)
        mean, deviation = float(filled.mean()), float(filled.std())
        return cls(name, median, mean, deviation if varies(deviation, mean) else 1.0)

    def encode(self, table: Table, position: int) -> tuple[Array, list[str]]:
        """Its cells as ``(rows, 1)``, and what to say of them."""
        cells = table.column(position)
        if cells.dtype == object:
            row = next(row for row, cell in enumerate(cells) if cell is not None)
            raise DataError(
                f"{table.place(row, position)} holds {shortened(repr(cells[row]))}, but "
                f"{quoted(self.name)} was a column of numbers in training"
            )
        missing = np.isnan(cells) if cells.dtype.kind == "f" else np.zeros(len(cells), bool)
        values = np.where(missing, self.median, cells)
        filled = f"{missing.sum():,} missing, filled with the median, {self.median:g}"
        notes = [f"{quoted(self.name)}: {filled}"] if missing.any() else []
        return ((values - self.mean) / self.deviation)[:, None], notes


@dataclass(frozen=True)
class CategoryColumn:
    """1 in the place of its category, 0 elsewhere; the most frequent one stands for a missing
    value, and 0 everywhere for one that training did not have."""

    name: str
    mode: str
    categories: tuple[str, ...]

    @property
    def width(self) -> int:
        """How many numbers it is to the network."""
        return len(self.categories)

    @classmethod
    def learn(cls, name: str, values: Array) -> CategoryColumn:
        """From the training part, some of which may be missing.

        >>> CategoryColumn.learn("colour", np.array(["red", None, "blue", "red"], object))
        CategoryColumn(name='colour', mode='red', categories=('blue', 'red'))
        """
        counts = Counter(value for value in values.tolist() if value is not None)
        mode = min(counts, key=lambda value: (-counts[value], value))
        return cls(name, mode, tuple(sorted(counts)))

    def encode(self, table: Table, position: int) -> tuple[Array, list[str]]:
        """Its cells as ``(rows, categories)``, and what to say of them."""
        texts = as_texts(table.column(position))
        missing = [text is None for text in texts]
        place = {category: at for at, category in enumerate(self.categories)}
        places = np.array([place.get(self.mode if text is None else text, -1) for text in texts])
        notes = []
        if any(missing):
            notes.append(
                f"{quoted(self.name)}: {sum(missing):,} missing, filled with the most frequent, "
                f"{shortened(self.mode)}"
            )
        new = sorted({str(texts[row]) for row in np.flatnonzero(places < 0)})
        if new:
            notes.append(
                f"{quoted(self.name)}: {counted(int(np.sum(places < 0)), 'example')} with values "
                f"that training did not have ({listed_in_order(new, 5)}), none of its categories"
            )
        return (places[:, None] == np.arange(len(self.categories))).astype(np.float64), notes


Column = NumberColumn | CategoryColumn


def learn_numbers(table: Table, positions: Sequence[int], values: Array) -> list[NumberColumn]:
    """What columns are that are all numbers, none of them missing, learnt on some rows."""
    values = values.astype(np.float64)
    medians, means = np.median(values, axis=0), values.mean(axis=0)
    deviations = values.std(axis=0)
    deviations[~varies(deviations, means)] = 1.0
    statistics = zip(positions, medians, means, deviations, strict=True)
    return [NumberColumn(table.names[at], *map(float, found)) for at, *found in statistics]


def standardize(values: Array, columns: Sequence[NumberColumn]) -> Array:
    """The cells of columns that are all numbers, none of them missing, side by side."""
    means = np.array([column.mean for column in columns])
    return (values - means) / np.array([column.deviation for column in columns])


def varies(deviation: Any, mean: Any) -> Any:
    """True of a column that is not the same everywhere, but for rounding."""
    return deviation > 1e-12 * abs(mean)


def as_texts(cells: Array) -> list[str | None]:
    """Cells as text, those of numbers too."""
    if cells.dtype == object:
        return list(cells.tolist())
    return [None if math.isnan(cell) else number_text(cell) for cell in cells.tolist()]


def learn_column(table: Table, position: int, rows: Array) -> Column | str:
    """What a column is, learnt on some rows; or why it is left out.

    Raises:
        DataError: it holds dates, of which nobody can say what they mean.
    """
    name, cells = table.names[position], table.column(position)
    learnt_on = cells[rows]
    if cells.dtype != object:
        if learnt_on.dtype.kind == "f" and np.isnan(learnt_on).all():
            return "empty"
        return NumberColumn.learn(name, learnt_on)
    texts = [text for text in cells.tolist() if text is not None]
    if texts and all(DATE.fullmatch(text) for text in texts):
        raise DataError(
            f"{table.origin}, column {table.describe(position)} holds dates or times, such as "
            f"{shortened(texts[0])}: replace it by numbers that mean something for the task, such "
            "as the year, the month, or the days since an event, or remove the column"
        )
    known = {text for text in learnt_on.tolist() if text is not None}
    if not known:
        return "empty"
    most = min(MOST_CATEGORIES, max(FEW_CATEGORIES, len(learnt_on) // ROWS_TO_A_CATEGORY))
    if len(known) > most:
        return f"{len(known):,} different texts"
    return CategoryColumn.learn(name, learnt_on)


def as_plain(column: Column) -> dict[str, Any]:
    """A column as plain data, for a file."""
    return asdict(column)


def from_plain(stored: Mapping[str, Any]) -> Column:
    """What `as_plain` gave, read as if a stranger had written it.

    Raises:
        ValueError, TypeError, LookupError: it is damaged.
    """
    name = stored["name"]
    if not isinstance(name, str):
        raise ValueError("a column's name should be text")
    if "categories" not in stored:
        numbers = [float(stored[key]) for key in ("median", "mean", "deviation")]
        if not all(map(math.isfinite, numbers)) or numbers[2] <= 0:
            raise ValueError(f"the statistics of {quoted(name)} should be finite")
        return NumberColumn(name, *numbers)
    categories, mode = stored["categories"], stored["mode"]
    if not all(isinstance(text, str) for text in (*categories, mode)) or mode not in categories:
        raise ValueError(f"the categories of {quoted(name)} should be text")
    return CategoryColumn(name, mode, tuple(categories))
