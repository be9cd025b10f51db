"""Which columns the table of the training data had, and what each of them is to the network: later
tables are matched with it by the names of their columns."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.data.pixels import as_bytes, holds_pixels, holds_scaled_pixels
from chainrule.data.tables import columns
from chainrule.data.tables.columns import (
    CategoryColumn,
    Column,
    NumberColumn,
    learn_column,
    learn_numbers,
    standardize,
)
from chainrule.data.tables.shift import shifted
from chainrule.data.tables.table import LABEL_NAMES, Table, listed_in_order
from chainrule.errors import DataError
from chainrule.presentation.display import counted
from chainrule.types import Array

FAR_MORE = 2.0  # times as large as standardized numbers, on average


@dataclass(frozen=True)
class Places:
    """Where a table has what the network takes: the positions of its features in the order of
    training, of the labels, and of the ids."""

    features: list[int]
    label: int | None = None
    ids: int | None = None
    notes: tuple[str, ...] = ()


MOST_FEATURES = 100_000  # that are no pixels


@dataclass(frozen=True, repr=False)
class Layout:
    """The columns of the training data.

    `order` are the names of all of them, positions where there was no header; `features` are those
    that the network takes, and `columns` what each of them is, or None where all are pixels, taken
    as they are. `rows` says on how many examples that was learnt.
    """

    order: tuple[str, ...]
    has_header: bool
    label: str
    features: tuple[str, ...]
    columns: tuple[Column, ...] | None
    rows: int = 0

    @classmethod
    def learn(
        cls,
        table: Table,
        label: int,
        rows: Array,
        group: int | None = None,
        flag_missing: bool = False,
    ) -> tuple[Layout, list[str]]:
        """What the columns of a table are but for its label and that of its groups, learnt on some
        of its rows, and what was odd about it. With `flag_missing`, a column in which these rows
        lack a value has a flag that says where.

        Raises:
            DataError: a column holds dates, a pixel is missing, or no feature is left.
        """
        ids = [at for at in table.find_ids() if at not in {label, group}]
        others = [at for at in range(len(table.names)) if at not in {label, group, *ids}]
        matrix = table.matrix(others)
        notes = _describe_ids(table, ids)
        if group is not None:
            notes.append(f"left out, as it only says what stays together: {table.describe(group)}")
        if matrix is not None and _are_pixels(matrix):
            _refuse_missing(table, others)
            features = tuple(table.names[at] for at in others)
            return cls(table.names, table.has_header, table.names[label], features, None), notes
        if len(others) > MOST_FEATURES:
            raise DataError(
                f"{table.origin} has {len(others):,} columns, more than {MOST_FEATURES:,}: save it "
                "as an array in an NPY file"
            )
        learnt: list[tuple[int, Column | str]]
        if matrix is None or np.isnan(matrix).any():
            learnt = [(at, learn_column(table, at, rows, flag_missing)) for at in others]
        else:
            names = [table.names[at] for at in others]
            learnt = list(zip(others, learn_numbers(names, matrix[rows]), strict=True))
        for at, column in learnt:
            if isinstance(column, str):
                notes.append(f"left out: {table.describe(at)} ({column})")
        known = [(at, column) for at, column in learnt if not isinstance(column, str)]
        if not known:
            raise DataError(
                f"{table.origin} has no column to learn from besides its label, "
                f"{table.describe(label)}: expected features of numbers or categories"
            )
        constant = [at for at, column in known if _is_constant(table, at)]
        if constant:
            notes.append(f"warning: the same in all examples: {_named(table, constant)}")
        kinds = tuple(column for _, column in known)
        if flag_missing and not any(column.flagged for column in kinds):
            notes.append("no value is missing in the training part, so nothing is flagged")
        features = tuple(column.name for column in kinds)
        label_name = table.names[label]
        return cls(table.names, table.has_header, label_name, features, kinds, len(rows)), notes

    def find(self, table: Table) -> Places:
        """Where a table has the columns of the training data: by their names, where both have a
        header, else by their number.

        Raises:
            DataError: a column is missing, or nobody can say which is which.
        """
        table.find_twice()
        if not (self.has_header and table.has_header):
            return self._find_by_number(table)
        place = {name: at for at, name in enumerate(table.names)}
        missing = [name for name in self.features if name not in place]
        if missing and self.columns is None and len(missing) == len(self.features):
            return self._find_by_number(table)  # pixels have an order, whatever they are called
        if missing:
            raise DataError(
                f"{table.origin} lacks columns that the network was trained on: "
                f"{listed_in_order(missing)}; it has {listed_in_order(table.names)}"
            )
        features = [place[name] for name in self.features]
        label = place.get(self.label)
        ids = [at for at in table.find_ids() if at not in {label, *features}]
        known = {label, *features, *ids, *(place.get(name) for name in self.order)}
        further = [at for at in range(len(table.names)) if at not in known]
        notes = []
        if features != sorted(features):
            notes.append("the columns were put in the order of training, by their names")
        if further:
            notes.append(f"left out, as training did not have it: {_named(table, further)}")
        return Places(features, label, ids[0] if ids else None, tuple(notes))

    def _find_by_number(self, table: Table) -> Places:
        """In a table without names, or with others: all columns of training, or all but those that
        the network does not take."""
        ids = table.find_ids()
        count = len(table.names) - len(ids)
        left_out = {*self.order} - {*self.features, self.label}
        combinations = [set(), {self.label}, left_out, {*left_out, self.label}]
        possible = dict.fromkeys(
            tuple(name for name in self.order if name not in without) for without in combinations
        )
        fitting = [names for names in possible if len(names) == count]
        if len(fitting) > 1:
            raise DataError(
                f"{table.origin}: its {_counted_columns(table, ids)} may be "
                f"{'; or '.join(map(listed_in_order, fitting))}: give it a header with these names"
            )
        if not fitting:
            expected = " or ".join(str(n) for n in sorted({len(names) for names in possible}))
            raise DataError(
                f"{table.origin} has {_counted_columns(table, ids)}, but the network takes "
                f"{counted(len(self.features), 'feature')}: expected "
                f"{expected} of them, or a header with the names of the training data"
            )
        positions = [at for at in range(len(table.names)) if at not in ids]
        place = dict(zip(fitting[0], positions, strict=True))
        notes = []
        if self.has_header != table.has_header or ids:
            notes.append("the columns were taken in the order of training, as names are missing")
        features = [place[name] for name in self.features]
        return Places(features, place.get(self.label), ids[0] if ids else None, tuple(notes))

    def encode(self, table: Table, places: Places) -> tuple[Array, list[str]]:
        """The features as numbers, ``(rows, width)``, and what to say of them."""
        if self.columns is None:
            return pixel_matrix(table, places.features), []
        matrix = table.matrix(places.features)
        numbers = self._all_numbers()
        if numbers and matrix is not None and not np.isnan(matrix).any():
            return standardize(matrix, numbers), []
        encoded = [
            column.encode(table, at)
            for column, at in zip(self.columns, places.features, strict=True)
        ]
        return (
            np.concatenate([values for values, _ in encoded], axis=1),
            [note for _, notes in encoded for note in notes],
        )

    def compare(self, table: Table, places: Places) -> list[str]:
        """A warning of columns that lie elsewhere than in training, by more than chance."""
        if self.columns is None or not self.rows:  # models of earlier versions do not say it
            return []
        return shifted(self.columns, self.rows, [table.column(at) for at in places.features])

    def seems_unprepared(self, x: Array) -> bool:
        """True if rows of numbers are far more like the columns as they stood in the training data
        than like standardized ones."""
        numbers = self._all_numbers()
        if not numbers or x.shape[1:] != (len(numbers),):
            return False
        return bool(np.abs(x).mean() > FAR_MORE * np.abs(standardize(x, numbers)).mean())

    def _all_numbers(self) -> list[NumberColumn]:
        """The columns, if all hold numbers and none has a flag; else none."""
        columns = self.columns or ()
        numbers = [one for one in columns if isinstance(one, NumberColumn) and not one.flagged]
        return numbers if len(numbers) == len(columns) else []

    @property
    def label_name(self) -> str | None:
        """What the label's column is called; None without a header."""
        return self.label if self.has_header else None

    def name_of(self, column: str) -> str:
        """What people call a column: without a header, by its position."""
        return column if self.has_header else f"column {column}"

    def describe(self) -> str:
        """What the features are, in a few words."""
        if self.columns is None:
            return f"{len(self.features):,} pixels"
        numbers = sum(isinstance(column, NumberColumn) for column in self.columns)
        sizes = [len(one.categories) for one in self.columns if isinstance(one, CategoryColumn)]
        parts = [f"{counted(numbers, 'column')} of numbers (standardized)"] if numbers else []
        if sizes:
            categories = f"{', '.join(map(str, sizes))} categories"
            parts.append(f"{counted(len(sizes), 'column')} of words ({categories})")
        flags = sum(column.flagged for column in self.columns)
        if flags:
            parts.append(f"{counted(flags, 'flag')} of missing values")
        return ", ".join(parts)

    def __repr__(self) -> str:
        return f"Layout({self.describe()!r})"

    def as_plain(self) -> dict[str, Any]:
        """Everything in it as plain data, for a file."""
        known = None if self.columns is None else [columns.as_plain(one) for one in self.columns]
        return {**vars(self), "columns": known}

    @classmethod
    def from_plain(cls, stored: Mapping[str, Any]) -> Layout:
        """What `as_plain` gave, read as if a stranger had written it.

        Raises:
            ValueError, TypeError, LookupError: it is damaged.
        """
        order, features, label = stored["order"], stored["features"], stored["label"]
        if not all(isinstance(name, str) for name in (*order, *features, label)):
            raise ValueError("the names of columns should be text")
        if label not in order or not {*features} <= {*order} - {label}:
            raise ValueError("the features and the label should be among the columns")
        known = stored["columns"]
        kinds = None if known is None else tuple(map(columns.from_plain, known))
        if kinds is not None and tuple(column.name for column in kinds) != tuple(features):
            raise ValueError("the columns should be those of the features")
        rows = int(stored.get("rows", 0))  # which earlier versions did not keep
        if rows < max((column.missing for column in kinds or ()), default=0):
            raise ValueError("no column should lack more values than there were examples")
        return cls(tuple(order), bool(stored["has_header"]), label, tuple(features), kinds, rows)


def _counted_columns(table: Table, ids: Sequence[int]) -> str:
    """How many columns a table has, those that are ids apart."""
    besides = f" besides {_named(table, ids)}" if ids else ""
    return counted(len(table.names) - len(ids), "column") + besides


def _describe_ids(table: Table, ids: Sequence[int]) -> list[str]:
    """What to say of columns that are left out, as their names are those of ids."""
    shared = [at for at in ids if not table.has_distinct(at)]
    numbering = [at for at in ids if at not in shared]
    notes = []
    if numbering:
        notes.append(f"left out, as it only numbers the examples: {_named(table, numbering)}")
    if shared:
        notes.append(
            f"left out, as it is called an id, though examples share it: {_named(table, shared)}; "
            "rename it where it is a feature"
        )
    return notes


def find_label(table: Table, column: int | str | None) -> int:
    """The position of the label column. Unless `column` says it, it is the one called ``label``,
    or by another usual name; before or behind pixels, the one that is none of them; without a
    header, the only one of text.

    Raises:
        DataError: there is no such column, or nobody can say which it is.
    """
    if column is not None:
        return table.find(column)
    ids = {*table.find_ids()}
    candidates = [at for at in range(len(table.names)) if at not in ids]
    if table.has_header:
        if "label" in table.names:
            return table.names.index("label")
        usual = [at for at in candidates if table.names[at].casefold() in LABEL_NAMES]
        if len(usual) == 1:
            return usual[0]
    else:
        texts = [at for at in candidates if table.column(at).dtype == object]
        if len(texts) == 1:
            return texts[0]
    beside = _find_beside_pixels(table, candidates)
    if beside is not None:
        return beside
    known = f"the columns are {listed_in_order(table.names)}"
    if not table.has_header:
        last = len(table.names) - 1
        known = f"without a header, give a position from 0 to {last}, or -1 for the last"
    raise DataError(
        f"{table.origin}: which column is the label? Say it with --label-column "
        f"(label_column= in Python); {known}"
    )


def find_by_count(table: Table, features: int, column: int | str | None) -> Places:
    """Where a table has the features of a network that was trained on no table: its columns are
    taken in their order, and one more than there are features is the label.

    Raises:
        DataError: the table has other numbers of columns.
    """
    ids = table.find_ids()
    others = [at for at in range(len(table.names)) if at not in ids]
    first_ids = ids[0] if ids else None
    if len(others) == features:
        return Places(others, None, first_ids)
    if len(others) != features + 1:
        raise DataError(
            f"{table.origin} has {_counted_columns(table, ids)}, but the network takes "
            f"{counted(features, 'feature')}: expected {counted(features, 'column')}, or "
            f"{features + 1} with a label column"
        )
    if column is None and "label" not in table.names:
        label = others[0]
    else:
        label = table.find("label" if column is None else column)
    return Places([at for at in others if at != label], label, first_ids)


def stand_upright(table: Table) -> Table:
    """A table of images that lie on their side, as EMNIST's do, behind a label or without."""
    columns = len(table.names)
    side = math.isqrt(columns)
    first = columns - side * side
    if first > 1 or not isinstance(table.values, np.ndarray):
        return table
    pixels = np.arange(first, columns).reshape(side, side).T.ravel()
    values = table.values[:, [*range(first), *pixels.tolist()]]
    return replace(table, values=values, notes=(*table.notes, "EMNIST's images were stood upright"))


def pixel_matrix(table: Table, positions: Sequence[int]) -> Array:
    """Columns of whole numbers, as they stand."""
    matrix = table.matrix(positions)
    if matrix is None:
        column = table.describe(table.first_text(positions))
        raise DataError(f"{table.origin}, column {column} holds text, expected numbers")
    _refuse_missing(table, positions)
    return as_bytes(matrix)


def _find_beside_pixels(table: Table, candidates: list[int]) -> int | None:
    """The first of the columns where all others are pixels; or the last, where the first is the
    same everywhere, as the corner of an image is."""
    for at, others in ((candidates[0], candidates[1:]), (candidates[-1], candidates[:-1])):
        matrix = table.matrix(others) if len(others) else None
        if matrix is None or not _are_pixels(matrix):
            continue
        if table.column(at).dtype == object or not _is_constant(table, at):
            return at
    return None


def _are_pixels(matrix: Array) -> bool:
    """True if columns are pixels, though one may be missing."""
    if matrix.dtype != np.uint8:
        matrix = as_bytes(np.nan_to_num(matrix, nan=0.0))
    return holds_pixels(matrix) or holds_scaled_pixels(matrix)


def _refuse_missing(table: Table, positions: Sequence[int]) -> None:
    if isinstance(table.values, np.ndarray):
        return
    for at in positions:
        missing = np.isnan(table.column(at))
        if missing.any():
            where = table.place(int(np.argmax(missing)), at)
            raise DataError(f"{where} is empty: fill in the pixel, or leave the line out")


def _is_constant(table: Table, position: int) -> bool:
    cells = table.column(position)
    return bool(np.all(cells == cells[0]))


def _named(table: Table, positions: Sequence[int]) -> str:
    unnamed = ["the column without a name"] if any(not table.names[at] for at in positions) else []
    named = [table.names[at] for at in positions if table.names[at]]
    return ", ".join([*unnamed, *([listed_in_order(named)] if named else [])])
