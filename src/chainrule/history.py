"""The record of a training: one line of numbers for each epoch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from os import PathLike
from pathlib import Path
from typing import Any, overload

from chainrule.errors import ArgumentError, UnknownNameError
from chainrule.presentation.display import counted, format_number, format_seconds
from chainrule.presentation.html import html_table

__all__ = ["History"]

Record = dict[str, float]
ROWS = 20  # of a table in a notebook
LARGEST = 100  # inches of a picture's side
BOOKKEEPING = ("epoch", "learning_rate", "seconds")  # in a record, besides loss and metrics

CUT_OFF = ("interrupted", "terminated")  # why training stopped, where a signal ended it

MODES = ("min", "max")  # which values of a number that is watched are better


class History:
    """What training reports, epoch by epoch.

    `history["validation_loss"]` is a list with a value for each epoch, `history[-1]` the last
    epoch's record. `stopped` says why training ended before its last epoch, if it did, `engine`
    what ran it, `warnings` what trouble was seen, each with its remedy.

    >>> history = History()
    >>> history.append({"epoch": 1, "loss": 0.5})
    >>> history["loss"], history[-1]
    ([0.5], {'epoch': 1, 'loss': 0.5})
    """

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.stopped: str | None = None
        self.engine = "NumPy"
        self.warnings: list[str] = []

    @property
    def was_cut_off(self) -> bool:
        """True if a signal ended training, which may go on."""
        return self.stopped in CUT_OFF

    def append(self, record: Record) -> None:
        """Add an epoch."""
        self.records.append(record)

    def record(self, **numbers: Any) -> None:
        """Add an epoch of a training loop of one's own: the loss and whatever else is measured,
        `validation_` before what is of held-out examples. Epochs are counted.

        Raises:
            ArgumentError: something is no number, or is not what the epochs before have.

        >>> history = History()
        >>> for loss in (0.9, 0.4):
        ...     history.record(loss=loss, validation_loss=loss + 0.1)
        >>> history["epoch"], history["validation_loss"]
        ([1, 2], [1.0, 0.5])
        """
        before = [name for name in self.records[0] if name != "epoch"] if self.records else numbers
        if not numbers or {*before} != {*numbers}:
            raise ArgumentError(
                f"epoch {len(self) + 1} has {_listed(numbers)}, expected "
                f"{_listed(before) if self.records else 'at least one number, as in loss=0.5'}: "
                "record the same numbers in every epoch"
            )
        plain = {name: _as_number(name, value) for name, value in numbers.items()}
        self.append({"epoch": len(self) + 1, **plain})

    @overload
    def __getitem__(self, key: str) -> list[float]: ...
    @overload
    def __getitem__(self, key: int) -> Record: ...
    def __getitem__(self, key: str | int) -> list[float] | Record:
        if isinstance(key, int):
            return self.records[key]
        return self.values(key)

    def values(self, name: str) -> list[float]:
        """One number for each epoch."""
        if not self.has(name) and self.records:
            raise UnknownNameError(
                f"{name!r} was not recorded; there are: "
                f"{', '.join(filter(self.has, self.records[0]))}"
            )
        return [record[name] for record in self.records]

    def has(self, name: str) -> bool:
        """True if there are epochs, and all have this number: a later training that goes on with
        the history need not be validated as an earlier one was."""
        return bool(self.records) and all(name in record for record in self.records)

    def names(self) -> list[str]:
        """What is recorded for each epoch."""
        return list(filter(self.has, self.records[0])) if self.records else []

    def measured(self) -> dict[str, list[float]]:
        """Loss and metrics: for each, a value for each epoch."""
        return {name: self.values(name) for name in self.names() if name not in BOOKKEEPING}

    def plot(
        self, path: str | PathLike[str], title: str = "", size: tuple[float, float] | None = None
    ) -> None:
        """Draw the learning curves: a panel for the loss and one for each metric.

        Args:
            path: a file that ends in .png, .svg or .pdf.
            size: width and height in inches; as it suits the panels unless given.
        Raises:
            ArgumentError: no epoch was recorded, or no such size can be drawn.
            OutputError: another ending, or the file cannot be written.
        """
        from chainrule.presentation.curves import plot_curves
        from chainrule.presentation.pictures import find_format, write_picture

        find_format(Path(path))  # before anything is drawn
        if not len(self):
            raise ArgumentError("there is no epoch to draw: train, or call record(loss=…) first")
        if size is not None and not _is_size(size):
            raise ArgumentError(
                f"size should be (width, height) in inches, from 1 to {LARGEST}, received {size!r}"
            )
        epochs = range(1, len(self) + 1)
        write_picture(plot_curves(epochs, self.measured(), title, size), Path(path))

    def costs(self, name: str | None = None, mode: str | None = None) -> list[float]:
        """The values that early stopping and schedules watch, smaller ones better: those of `name`,
        or else the validation loss where there is one, or else the loss. Where larger values are
        better, as `mode` says or else `is_better_larger`, they come with the other sign.

        >>> history = History()
        >>> history.append({"loss": 0.5, "accuracy": 0.75})
        >>> history.costs(), history.costs("accuracy"), history.costs("accuracy", mode="min")
        ([0.5], [-0.75], [0.75])
        """
        watched = name or ("validation_loss" if self.has("validation_loss") else "loss")
        if watched.startswith("test_"):
            raise ArgumentError(
                f"{watched!r} is of the test part, by which nothing is chosen: watch "
                f"'validation_{watched.removeprefix('test_')}'"
            )
        larger = is_better_larger(watched) if mode is None else mode == "max"
        return [-value if larger else value for value in self.values(watched)]

    def kept(self, puts_best_back: bool) -> Record:
        """The epoch whose weights a training ends with: the last one, or the best where
        `EarlyStopping` puts them back.

        >>> history = History()
        >>> for epoch, loss in enumerate([0.5, 0.25, 0.75], start=1):
        ...     history.append({"epoch": epoch, "loss": loss})
        >>> history.kept(puts_best_back=True)["epoch"], history.kept(puts_best_back=False)["epoch"]
        (2, 3)
        """
        costs = [math.inf if math.isnan(cost) else cost for cost in self.costs()]
        return self.records[costs.index(min(costs)) if puts_best_back else -1]

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def _repr_html_(self) -> str:
        names = self.names()
        rows = [[_shown(name, record[name]) for name in names] for record in self._spaced()]
        stopped = [f"stopped: {self.stopped}"] if self.stopped else []
        return html_table(names, rows, [*stopped, *(f"warning: {w}" for w in self.warnings)])

    def _spaced(self) -> list[Record]:
        """All records, or of many the first, the last, and others evenly between them."""
        last = len(self.records) - 1
        if last < ROWS:
            return self.records
        return [self.records[round(row * last / (ROWS - 1))] for row in range(ROWS)]

    def __repr__(self) -> str:
        last = ", ".join(
            f"{name} {value:.4g}" for name, value in (self.records or [{}])[-1].items()
        )
        return f"History of {counted(len(self), 'epoch')}; last: {last or 'none'}"


def _shown(name: str, value: float) -> str:
    """A number of a record as people read it."""
    return format_seconds(value) if name == "seconds" else format_number(name, value)


def _is_size(size: Any) -> bool:
    """True of two sides that a picture can have."""
    are_two = isinstance(size, (tuple, list)) and len(size) == 2
    return are_two and all(isinstance(side, (int, float)) and 1 <= side <= LARGEST for side in size)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "nothing"


def _as_number(name: str, value: Any) -> float:
    """A number of NumPy or another library as Python's."""
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} should be a number, received {value!r}") from None


def is_better_larger(name: str | None) -> bool:
    """True if a recorded number is better when larger: all but losses and errors are."""
    return name is not None and not name.endswith(("loss", "error"))
