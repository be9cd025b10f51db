"""What training reads: arrays with targets, in parts, dealt out in batches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from chainrule.data.preparation import Preparation
from chainrule.errors import DataError
from chainrule.presentation.display import counted
from chainrule.types import Array


@dataclass(frozen=True)
class Dataset:
    """A named set: a part to train on, one to choose by (validation) and one to judge by in the end
    (test), both of which may be None, and what its classes are called.

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
    x_validation: Array | None = None
    y_validation: Array | None = None

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
        raise DataError(
            f"{what} data: x has {counted(len(x), 'example')} but y has {counted(len(y), 'target')}"
        )
