"""What every reader answers with: the examples as their file holds them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chainrule.errors import DataError
from chainrule.system.processes import Processes
from chainrule.types import Array

PIECE = 2**22  # numbers looked at together
WHOLE = slice(None)


@dataclass(frozen=True)
class Examples:
    """Examples ``x``, their targets ``y`` where the file has any, the file's name, and what each
    example is called where it is a file of its own."""

    x: Array
    y: Array | None
    origin: str
    ids: tuple[str, ...] | None = None


@dataclass(frozen=True)
class RawDataset:
    """A training part, a test part where there is one, the names of the classes where the files
    tell them, and what to say of how it was read."""

    train: Examples
    test: Examples | None = None
    class_names: tuple[str, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def held_out(self) -> Examples:
        """The part to predict or evaluate on: the test part, or else all there is."""
        return self.train if self.test is None else self.test

    def check_usable(self, processes: Processes) -> None:
        """Look through the numbers of both parts: each process through its share of them.

        Raises:
            DataError: as `check_usable`, in the process whose share it is.
        """
        parts = {"x": self.train}
        if self.test is not None:
            parts = {"x_train": self.train, "x_test": self.test}
        for name, part in parts.items():
            check_usable(part.x, f"{name} in {part.origin}", processes.share(len(part.x)))


def check_usable(x: Array, what: str, share: slice = WHOLE) -> None:
    """Refuse numbers that cannot be trained on; of a share of the examples if need be.

    Raises:
        DataError: an example holds NaN, infinity, or a number too large for float32.
    """
    unusable = find_unusable(x[share])
    if unusable is not None:
        raise DataError(
            f"example {unusable + (share.start or 0)} of {what} holds NaN, infinity or a number "
            "too large for float32: mend or remove it"
        )


def find_unusable(x: Array) -> int | None:
    """The first example that holds NaN, infinity, or a number too large for float32.

    Reads in pieces: `x` may be memory-mapped and larger than memory.

    >>> find_unusable(np.array([[0.0, 1.0], [np.nan, 2.0]]))
    1
    """
    if x.dtype.kind != "f":
        return None
    for start, piece in pieces(x):
        with np.errstate(over="ignore", invalid="ignore"):
            numbers = piece.astype(np.float32).reshape(len(piece), -1)
        usable = np.isfinite(numbers).all(axis=1)
        if not usable.all():
            return start + int(np.argmin(usable))
    return None


def pieces(x: Array) -> Iterator[tuple[int, Array]]:
    """The examples in portions that fit into memory, each with the place of its first one."""
    at_once = max(1, PIECE // max(1, math.prod(x.shape[1:])))
    for start in range(0, len(x), at_once):
        yield start, np.asarray(x[start : start + at_once])
