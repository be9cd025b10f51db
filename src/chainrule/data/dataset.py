"""What training reads: arrays with targets, split into parts, dealt out in batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from chainrule.data.preparation import Preparation
from chainrule.errors import ArgumentError, DataError
from chainrule.seeding import generator
from chainrule.types import Array

ENOUGH_TO_HOLD_OUT = 500  # training examples from which a tenth is held out unless told otherwise


@dataclass(frozen=True)
class Dataset:
    """A named set: training part, test part (or None), and what its classes are called.

    `x_train` is ``(N, *example_shape)``, prepared as a network takes it (float32, pixels
    in [0, 1]); `y_train` is ``(N,)`` of class numbers, or floats where `class_names` is None
    (regression). `preparation` is how they came to be so, and what the classes are called; `notes`
    say what was guessed on the way, and what was odd.
    """

    name: str
    x_train: Array
    y_train: Array
    x_test: Array | None = None
    y_test: Array | None = None
    preparation: Preparation = field(default_factory=Preparation)
    source: str = ""
    notes: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """What the classes are called; None for regression."""
        return self.preparation.class_names

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The shape of one example."""
        return tuple(self.x_train.shape[1:])

    @property
    def task(self) -> str:
        """``"classification"`` or ``"regression"``."""
        return "regression" if self.class_names is None else "classification"


@dataclass(frozen=True)
class Inputs:
    """Examples as the network takes them, and their targets where the source has any.

    `ids` say which example is which, and `id_name` what their column is called, where the source
    has them; `notes` say what was done to match the source with the training data.
    """

    x: Array
    y: Array | None
    ids: tuple[str, ...] | None = None
    id_name: str | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Batch:
    """Some examples with their targets and, where given, a weight for each."""

    x: Array
    y: Array
    weights: Array | None = None


def split(
    x: Array, y: Array, held_out: float | int, seed: int = 0
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Hold out a random part: a fraction when `held_out` is a float, a count when an int.

    Returns the training part and the held-out part, each ``(x, y)``, in their first order;
    of what is not in memory, parts that are read when they are used.

    >>> x, y = np.arange(10.0).reshape(10, 1), np.arange(10)
    >>> (x_train, y_train), (x_held_out, y_held_out) = split(x, y, 0.2)
    >>> len(y_train), len(y_held_out)
    (8, 2)
    """
    count = count_held_out(len(x), held_out)
    rest, chosen = split_rows(len(x), count, seed)
    return (take(x, rest), take(y, rest)), (take(x, chosen), take(y, chosen))


def split_rows(
    available: int, count: int, seed: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The rows to train on, and the `count` rows to hold out, in ascending order."""
    order = generator(seed, "split").permutation(available)
    return np.sort(order[count:]), np.sort(order[:count])


def training_rows(available: int, held_out: float | int | None, seed: int) -> npt.NDArray[np.intp]:
    """The rows that stay for training, in ascending order; None holds out as much as by default."""
    part = default_held_out(available) if held_out is None else held_out
    count = count_held_out(available, part) if part else 0
    return split_rows(available, count, seed)[0]


def default_held_out(available: int) -> float | int:
    """How much is held out for validation unless told otherwise: a tenth, where that is enough."""
    return 0.1 if available >= ENOUGH_TO_HOLD_OUT else 0


def count_held_out(available: int, held_out: float | int) -> int:
    """How many of `available` examples a fraction (float) or a count (int) means."""
    count = round(held_out * available) if isinstance(held_out, float) else held_out
    if not 0 < count < available:
        raise ArgumentError(
            f"validation={held_out} would hold out {count} of {available} examples: give a "
            f"fraction between 0 and 1, or a count from 1 to {available - 1}"
        )
    return count


def take(array: Array, rows: npt.NDArray[np.intp]) -> Array:
    """Some rows: a copy of those in memory, a `Rows` view of those that are not."""
    in_memory = isinstance(array, np.ndarray) and not isinstance(array, np.memmap)
    return array[rows] if in_memory else cast(Array, Rows(array, rows))


class Rows:
    """Some rows of an array that is not in memory: indexing reads only what is asked for."""

    def __init__(self, array: Array, rows: npt.NDArray[np.intp]) -> None:
        self._array = array
        self._rows = rows
        self.dtype = array.dtype
        self.shape: tuple[int, ...] = (len(rows), *array.shape[1:])
        self.ndim = len(self.shape)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Array:
        return np.asarray(self._array[self._rows[index]])

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        return self[:].astype(dtype or self.dtype, copy=False)


def check_pair(x: Array, y: Array, what: str = "training") -> None:
    """Refuse data that cannot be trained on: none, or x and y of different lengths."""
    if len(x) == 0:
        raise DataError(f"the {what} data is empty: at least one example is needed")
    if len(x) != len(y):
        raise DataError(f"{what} data: x has {len(x)} examples but y has {len(y)} targets")
