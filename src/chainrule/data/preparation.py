"""From what a file holds to what a network takes: pixels scaled to [0, 1], rows shaped; and what
the classes are called.

Decided once, on the training data, and kept in the model's file, so that whatever comes later is
treated in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from chainrule.arguments import shape as as_shape
from chainrule.errors import DataError
from chainrule.limits import is_plain
from chainrule.types import Array

SMALLEST_IMAGE = 64
"""Fewest columns of a table that is taken for grey images: 8x8. Below that, a square number
of whole-number columns is more likely a table of features."""


@dataclass(frozen=True)
class Preparation:
    """Divide by `scale` and shape each example to `shape` (None: leave as it is); the outputs stand
    for the classes called `class_names` (None: for numbers)."""

    scale: float = 1.0
    shape: tuple[int, ...] | None = None
    class_names: tuple[str, ...] | None = None

    @classmethod
    def infer(cls, x: Array) -> Preparation:
        """What the training examples `x`, as their file holds them, need.

        Whole numbers from 0 to 255 are pixels where they come as images
        ``(N, height, width[, channels])``, and where a table has a square number of columns,
        64 or more, and a value above 1: they are divided by 255 and given a channel axis.
        All else is left as it is.

        >>> Preparation.infer(np.zeros((10, 28, 28), dtype=np.uint8))
        Preparation(scale=255.0, shape=(28, 28, 1), class_names=None)
        >>> Preparation.infer(np.zeros((10, 2))).shape
        (2,)

        Raises:
            DataError: `x` is empty, or has no axis for the features.
        """
        if x.ndim < 2:
            raise DataError(
                f"x has shape {x.shape}; expected (examples, features) or (examples, height, "
                "width, channels): reshape a single feature with x.reshape(-1, 1)"
            )
        if x.size == 0:
            raise DataError(f"x has shape {x.shape}: at least one example is needed")
        example = tuple(x.shape[1:])
        if not _holds_pixels(x):
            return cls(1.0, example)
        if len(example) == 1:
            side = math.isqrt(example[0])
            example = (side, side)
        return cls(255.0, (*example, 1) if len(example) == 2 else example)

    @classmethod
    def from_plain(cls, stored: Mapping[str, Any]) -> Preparation:
        """What `as_plain` gave, read as if a stranger had written it.

        Raises:
            ValueError, TypeError, LookupError: it is damaged.
        """
        scale, shape, names = float(stored["scale"]), stored["shape"], stored["class_names"]
        if not 0 < scale < math.inf:
            raise ValueError(f"scale should be a positive number, is {scale}")
        return cls(
            scale,
            None if shape is None else as_shape(shape, "shape"),
            None if names is None else plain_names(names),
        )

    def as_plain(self) -> dict[str, Any]:
        """Everything in it as plain data, for a file."""
        return asdict(self)

    def apply(self, x: Array) -> Array:
        """`x` scaled and shaped, in float32.

        Examples may come flat, shaped, or shaped without a last axis of 1. A memory-mapped
        `x` is answered with a `PreparedArray`, which reads and prepares one batch at a time.

        >>> images = np.full((10, 64), 255, dtype=np.uint8)
        >>> Preparation(255.0, (8, 8, 1)).apply(images).shape
        (10, 8, 8, 1)

        Raises:
            DataError: the examples are of another size.
        """
        self._check(x)
        if not isinstance(x, np.memmap):
            return self._prepare(x)
        if self.scale == 1.0 and x.dtype == np.float32 and self.shape in (None, x.shape[1:]):
            return x
        # Stands in for an array wherever examples are counted and batches are drawn.
        return cast(Array, PreparedArray(x, self))

    def complete(self, x: Any) -> Any:
        """`x` as a network takes it, from the user's hands: whole numbers, where they must be
        scaled, are raw and are prepared; real numbers are prepared already.

        >>> Preparation(255.0).complete(np.array([[51]])), Preparation(255.0).complete([[0.2]])
        (array([[0.2]], dtype=float32), [[0.2]])

        Raises:
            DataError: the examples are of another size.
        """
        is_raw = self.scale != 1.0 and hasattr(x, "dtype") and np.dtype(x.dtype).kind in "ui"
        return self.apply(x) if is_raw else x

    def _check(self, x: Array) -> None:
        example = tuple(x.shape[1:])
        if self.shape is None or example in _accepted(self.shape):
            return
        expected = " or ".join(str(shape) for shape in _accepted(self.shape))
        raise DataError(
            f"each example has shape {example}, but the network was given {expected} to train "
            "on: give data of that shape, or train a network on data of this one"
        )

    def _prepare(self, x: Array) -> Array:
        if self.scale == 1.0:
            prepared: Array = x.astype(np.float32, order="C", copy=False)
        else:
            prepared = np.divide(x, np.float32(self.scale), dtype=np.float32, order="C")
        return prepared if self.shape is None else prepared.reshape(len(x), *self.shape)


class PreparedArray:
    """A memory-mapped array seen through a `Preparation`: indexing reads only what is asked
    for, so that a set larger than memory can be trained on.

    It offers `shape`, `dtype`, `ndim`, `len` and indexing by examples (a number, a slice, an
    array of indices or of booleans); ``np.asarray`` reads it whole.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, stored: Array, preparation: Preparation) -> None:
        self._stored = stored
        self._preparation = preparation
        self.shape: tuple[int, ...] = (len(stored), *(preparation.shape or stored.shape[1:]))

    @property
    def ndim(self) -> int:
        """How many axes, that of the examples included."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice | Array) -> Array:
        if isinstance(index, (int, np.integer)):
            return self[np.array([index])][0]
        return self._preparation._prepare(np.asarray(self._stored[index]))

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        whole: Array = self[:].astype(dtype or self.dtype, copy=False)
        return whole


def plain_names(stored: Any) -> tuple[str, ...]:
    """Names from a file. Raises ValueError where they are no list of plain text."""
    if not isinstance(stored, (list, tuple)):
        raise ValueError("names should be a list")
    if not all(isinstance(name, str) and is_plain(name) for name in stored):
        raise ValueError("names should be plain text")
    return tuple(stored)


def _holds_pixels(x: Array) -> bool:
    if x.dtype.kind not in "ui" or x.ndim > 4:
        return False
    if x.ndim == 2 and (x.shape[1] < SMALLEST_IMAGE or math.isqrt(x.shape[1]) ** 2 != x.shape[1]):
        return False
    if x.dtype == np.uint8 and x.ndim > 2:
        return True
    return bool(x.min() >= 0 and 1 < x.max() <= 255)


def _accepted(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The shapes in which one example may come, without repeats."""
    without_channel = [shape[:-1]] if len(shape) > 1 and shape[-1] == 1 else []
    return list(dict.fromkeys([shape, *without_channel, (math.prod(shape),)]))
