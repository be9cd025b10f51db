"""What a network makes of a table's columns: numbers are standardized, categories become a column
of 0 and 1 for each of their values, and a flag of 0 and 1 says what was missing, where asked. What
that needs is learnt on the training part."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.data.tables.labels import FOR_CLASSES
from chainrule.data.tables.table import Table, listed_in_order, number_text, quoted
from chainrule.errors import DataError
from chainrule.limits import shortened
from chainrule.presentation.display import counted
from chainrule.types import Array

MOST_CATEGORIES = 100
FEW_CATEGORIES = 10  # so many are categories in a small table, too
ROWS_TO_A_CATEGORY = 10  # in a large one; a text that stands on every other line is no category

FLAGGED = "; 1 where it is missing, else 0"

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)  # of the values that do not exceed a quartile

WITH_UNIT = re.compile(r"(?P<before>[$€£¥]?)\s*[-+]?\d[\d.,]*\s*(?P<after>[^\d\s]{0,4})")
LETTERS_OF_UNITS = re.compile(  # others behind a whole number, as in 12a, may be part of a name
    r"""
      [kmc]?[glmsvw] | t | [kmg]?hz | [kmgt]b | k?cal | k?j | h?pa | kwh
    | lbs? | oz | mi | ft | in | px | pt | mph | rpm | bpm | pct
    | h | min | d | y | yrs? | c | f | k | mln | bn | eur | usd | gbp | chf
    """,
    re.VERBOSE | re.IGNORECASE,
)
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
    """(x - mean) / deviation; where x is missing, the median stands for it. If `flagged`, a second
    number is 1 where x is missing, else 0. `quartiles` are the least value of training, the three
    quartiles and the largest; `missing` says how many there were not."""

    name: str
    median: float
    mean: float
    deviation: float
    quartiles: tuple[float, ...] = ()
    missing: int = 0
    flagged: bool = False

    @property
    def width(self) -> int:
        """How many numbers it is to the network."""
        return 1 + self.flagged

    @classmethod
    def learn(cls, name: str, values: Array, flag: bool = False) -> NumberColumn:
        """From the training part, some of which may be missing, and is then flagged if `flag`. A
        constant becomes 0.

        >>> size = NumberColumn.learn("size", np.array([1.0, 3.0, np.nan]), flag=True)
        >>> size.median, size.mean, size.deviation, size.missing, size.flagged
        (2.0, 2.0, 0.816496580927726, 1, True)
        """
        values = values.astype(np.float64)
        missing = np.isnan(values)
        median = float(np.median(values[~missing]))
        (column,) = learn_numbers([name], np.where(missing, median, values)[:, None])
        quartiles = tuple(_quartiles(np.sort(values[~missing])).tolist())
        count = int(missing.sum())
        return replace(column, quartiles=quartiles, missing=count, flagged=flag and count > 0)

    def describe(self) -> str:
        """What it becomes for the network.

        >>> NumberColumn("size", 2.0, 2.0, 0.5).describe()
        '(x - 2) / 0.5'
        """
        return f"(x - {self.mean:.4g}) / {self.deviation:.4g}" + FLAGGED * self.flagged

    def encode(self, table: Table, position: int) -> tuple[Array, list[str]]:
        """Its cells as ``(rows, width)``, and what to say of them."""
        cells = table.column(position)
        if cells.dtype == object:
            row = next(row for row, cell in enumerate(cells) if cell is not None)
            raise DataError(
                f"{table.place(row, position)} holds {shortened(repr(cells[row]))}, but "
                f"{quoted(self.name)} was a column of numbers in training"
            )
        missing = np.isnan(cells) if cells.dtype.kind == "f" else np.zeros(len(cells), bool)
        values = np.where(missing, self.median, cells)
        standardized = ((values - self.mean) / self.deviation)[:, None]
        notes = _filled(self, missing, f"the median, {self.median:g}")
        return (np.column_stack([standardized, missing]) if self.flagged else standardized), notes


@dataclass(frozen=True)
class CategoryColumn:
    """1 in the place of its category, 0 elsewhere; the most frequent one stands for a missing
    value, and 0 everywhere for one that training did not have. If `flagged`, a last number is 1
    where the value is missing, else 0. `missing` says how many values training lacked."""

    name: str
    mode: str
    categories: tuple[str, ...]
    missing: int = 0
    flagged: bool = False

    @property
    def width(self) -> int:
        """How many numbers it is to the network."""
        return len(self.categories) + self.flagged

    @classmethod
    def learn(cls, name: str, values: Array, flag: bool = False) -> CategoryColumn:
        """From the training part, some of which may be missing, and is then flagged if `flag`.

        >>> colour = CategoryColumn.learn("colour", np.array(["red", None, "blue", "red"], object))
        >>> colour.mode, colour.categories, colour.missing, colour.flagged
        ('red', ('blue', 'red'), 1, False)
        """
        counts = Counter(value for value in values.tolist() if value is not None)
        mode = min(counts, key=lambda value: (-counts[value], value))
        missing = len(values) - counts.total()
        return cls(name, mode, tuple(sorted(counts)), missing, flag and missing > 0)

    def describe(self) -> str:
        """What it becomes for the network.

        >>> CategoryColumn("sex", "male", ("female", "male"), 1, True).describe()
        '0 or 1 for each of female, male; 1 where it is missing, else 0'
        """
        shown = ", ".join(map(shortened, self.categories[:FEW_CATEGORIES]))
        more = f", … ({len(self.categories)} in all)" * (len(self.categories) > FEW_CATEGORIES)
        return f"0 or 1 for each of {shown}{more}" + FLAGGED * self.flagged

    def encode(self, table: Table, position: int) -> tuple[Array, list[str]]:
        """Its cells as ``(rows, width)``, and what to say of them."""
        texts = as_texts(table.column(position))
        missing = np.array([text is None for text in texts])
        place = {category: at for at, category in enumerate(self.categories)}
        places = np.array([place.get(self.mode if text is None else text, -1) for text in texts])
        notes = _filled(self, missing, f"the most frequent, {shortened(self.mode)}")
        new = sorted({str(texts[row]) for row in np.flatnonzero(places < 0)})
        if new:
            notes.append(
                f"{quoted(self.name)}: {counted(int(np.sum(places < 0)), 'example')} with values "
                f"that training did not have ({listed_in_order(new, 5)}), none of its categories"
            )
        chosen = places[:, None] == np.arange(len(self.categories))
        encoded = np.column_stack([chosen, missing]) if self.flagged else chosen
        return encoded.astype(np.float64), notes


Column = NumberColumn | CategoryColumn


def learn_numbers(names: Sequence[str], values: Array) -> list[NumberColumn]:
    """What columns are that are all numbers, none of them missing, learnt on some rows."""
    values = values.astype(np.float64)
    means, deviations = values.mean(axis=0), values.std(axis=0)
    deviations[~varies(deviations, means)] = 1.0
    ordered = np.sort(values, axis=0)
    middle = (ordered[(len(values) - 1) // 2] + ordered[len(values) // 2]) / 2
    statistics = np.stack([middle, means, deviations, *_quartiles(ordered)], axis=1).tolist()
    return [
        NumberColumn(name, median, mean, deviation, tuple(quartiles))
        for name, (median, mean, deviation, *quartiles) in zip(names, statistics, strict=True)
    ]


def standardize(values: Array, columns: Sequence[NumberColumn]) -> Array:
    """The cells of columns that are all numbers, none of them missing, side by side."""
    means = np.array([column.mean for column in columns])
    return (values - means) / np.array([column.deviation for column in columns])


def _filled(column: Column, missing: Array, with_what: str) -> list[str]:
    """What to say of the values of a column that are missing, if any are."""
    if not missing.any():
        return []
    flagged = ", and flagged" * column.flagged
    said = f"{missing.sum():,} missing, filled with {with_what}{flagged}"
    return [f"{quoted(column.name)}: {said}"]


def _quartiles(ordered: Array) -> Array:
    """For each of `SHARES`, the least value that so many do not exceed."""
    return ordered[[max(0, math.ceil(share * len(ordered)) - 1) for share in SHARES]]


def varies(deviation: Any, mean: Any) -> Any:
    """True of a column that is not the same everywhere, but for rounding."""
    return deviation > 1e-12 * abs(mean)


def as_texts(cells: Array) -> list[str | None]:
    """Cells as text, those of numbers too."""
    if cells.dtype == object:
        return list(cells.tolist())
    return [None if math.isnan(cell) else number_text(cell) for cell in cells.tolist()]


def learn_column(table: Table, position: int, rows: Array, flag: bool) -> Column | str:
    """What a column is, learnt on some rows; or why it is left out. `flag` asks for flags of what
    is missing in them.

    Raises:
        DataError: it holds dates, of which nobody can say what they mean, or numbers with a unit.
    """
    name, cells = table.names[position], table.column(position)
    learnt_on = cells[rows]
    if cells.dtype != object:
        if learnt_on.dtype.kind == "f" and np.isnan(learnt_on).all():
            return "empty"
        return NumberColumn.learn(name, learnt_on, flag)
    _refuse_dates(table, position, "remove the column")
    known = {text for text in learnt_on.tolist() if text is not None}
    if not known:
        return "empty"
    most = min(MOST_CATEGORIES, max(FEW_CATEGORIES, len(learnt_on) // ROWS_TO_A_CATEGORY))
    if len(known) > most:
        _refuse_units(table, position, known, "remove the column")
        return f"{len(known):,} different texts"
    return CategoryColumn.learn(name, learnt_on, flag)


def refuse_numbers_as_classes(table: Table, label: int) -> None:
    """Refuse many dates, or numbers with a unit, as the names of classes.

    Raises:
        DataError: the label's column holds them.
    """
    texts = {*table.column(label).tolist()}
    otherwise = f"name another label column; {FOR_CLASSES}"
    if len(texts) > FEW_CATEGORIES:
        _refuse_dates(table, label, otherwise)
        _refuse_units(table, label, texts, otherwise)


def _refuse_dates(table: Table, position: int, otherwise: str) -> None:
    """Refuse dates and times, of which nobody can say what they mean."""
    texts = [text for text in table.column(position).tolist() if text is not None]
    if texts and all(DATE.fullmatch(text) for text in texts):
        raise DataError(
            f"{table.origin}, column {table.describe(position)} holds dates or times, such as "
            f"{shortened(texts[0])}: replace it by numbers that mean something for the task, such "
            f"as the year, the month, or the days since an event, or {otherwise}"
        )


def _refuse_units(table: Table, position: int, texts: set[str], otherwise: str) -> None:
    """Refuse numbers that are text for a unit beside each."""
    found = [WITH_UNIT.fullmatch(text) for text in texts]
    units = {match and (match["before"] or match["after"]) for match in found}
    if len(units) == 1 and (unit := units.pop()) and not _are_names(texts, unit):
        raise DataError(
            f"{table.origin}, column {table.describe(position)} holds numbers with {unit!r}, such "
            f"as {shortened(repr(min(texts)))}: write the numbers alone, so that they are read as "
            f"numbers, or {otherwise}"
        )


def _are_names(texts: set[str], letters: str) -> bool:
    """True of flats, seats and the like: whole numbers, all followed by the same letters, which are
    no unit.

    >>> _are_names({"12a", "13a"}, "a"), _are_names({"12kg", "13kg"}, "kg")
    (True, False)
    """
    is_unit = not letters.isalpha() or LETTERS_OF_UNITS.fullmatch(letters)
    return not is_unit and all(text.removesuffix(letters).isdigit() for text in texts)


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
    # Earlier versions knew nothing of these.
    flagged, missing = bool(stored.get("flagged", False)), int(stored.get("missing", 0))
    if missing < 0:
        raise ValueError(f"{quoted(name)} cannot lack {missing} values")
    if "categories" not in stored:
        median, mean, deviation = (float(stored[key]) for key in ("median", "mean", "deviation"))
        if not all(map(math.isfinite, (median, mean, deviation))) or deviation <= 0:
            raise ValueError(f"the statistics of {quoted(name)} should be finite")
        quartiles = tuple(map(float, stored.get("quartiles", [mean] * len(SHARES))))
        in_order = all(a <= b for a, b in pairwise(quartiles))  # which NaN is not
        if len(quartiles) != len(SHARES) or not in_order:
            raise ValueError(f"the quartiles of {quoted(name)} should be five numbers in order")
        return NumberColumn(name, median, mean, deviation, quartiles, missing, flagged)
    categories, mode = stored["categories"], stored["mode"]
    if not all(isinstance(text, str) for text in (*categories, mode)) or mode not in categories:
        raise ValueError(f"the categories of {quoted(name)} should be text")
    return CategoryColumn(name, mode, tuple(categories), missing, flagged)
