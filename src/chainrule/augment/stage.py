"""The stage between data and network: changes that belong together, and the examples of an epoch
seen through them."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.augment.changes import (
    CHANGES,
    Affine,
    Change,
    CutOut,
    Elastic,
    Mix,
    Mixing,
    Noise,
)
from chainrule.augment.warps import Warp, warp_in_numpy
from chainrule.configurable import Description, build
from chainrule.errors import ArgumentError
from chainrule.types import Array, Shape

Examples = npt.NDArray[np.intp]
WarpFunction = Callable[[Array, Examples, Warp], Array]
BETWEEN = re.compile(r"\+(?![^()]*\))")  # a plus outside of parentheses


@dataclass(frozen=True)
class Augmentation:
    """Changes to training examples, in this order, whatever order they are given in: pixels come
    from elsewhere (affine and elastic, in one interpolation), noise is added, a square is cut out,
    and examples are mixed.

    >>> Augmentation.of("affine(shift=2) + cut_out + mix_up")
    Affine(shift=2) + CutOut() + MixUp()
    """

    changes: tuple[Change, ...]

    @classmethod
    def of(cls, given: Any) -> Augmentation:
        """From a change, or several: as objects, tables, names, or a text with plus signs.

        Raises:
            UnknownNameError: a name is of no change.
            ArgumentError: an option that cannot be, or changes that cannot be had together.
        """
        if isinstance(given, cls):
            return given
        if isinstance(given, str):
            given = BETWEEN.split(given)
        parts: Sequence[Change | Description] = (
            given if isinstance(given, (list, tuple)) else [given]
        )
        return cls(tuple(build(part, CHANGES, "augmentation") for part in parts))

    def __post_init__(self) -> None:
        for kind in (Affine, Elastic, CutOut, Noise, Mix):
            same = [change for change in self.changes if isinstance(change, kind)]
            if len(same) > 1:
                raise ArgumentError(
                    f"augment has {' and '.join(map(repr, same))}: leave out one of them"
                )

    def __repr__(self) -> str:
        return " + ".join(map(repr, self.changes))

    def check(self, shape: Shape) -> None:
        """Refuse examples of a shape that cannot be changed so. Raises ArgumentError."""
        for change in self.changes:
            if change.is_of_images and len(shape) != 3:
                raise ArgumentError(
                    f"{type(change).__name__} changes images (height, width, channels), but an "
                    f"example has shape {shape}: leave it out of augment"
                )

    def of_epoch(self, x: Any, seed: int, epoch: int) -> Augmented:
        """Examples as they are in an epoch, made when they are read. Raises ArgumentError."""
        self.check(tuple(x.shape[1:]))
        return Augmented(x, self.changes, seed, epoch)


class Augmented:
    """Examples seen through changes: indexing makes those that are asked for."""

    def __init__(self, x: Any, changes: Sequence[Change], seed: int, epoch: int) -> None:
        self._x = x
        self.shape, self.ndim = tuple(x.shape), len(x.shape)
        self.dtype = np.result_type(x.dtype, np.float32)
        shape, when = self.shape[1:], (len(self), seed, epoch)
        matrices = elasticity = graininess = None
        self._boxes: Array | None = None
        self.mixing: Mixing | None = None
        for change in changes:
            match change:
                case Affine():
                    matrices = change.matrices(shape, *when)
                case Elastic():
                    elasticity = change.elasticity(seed, epoch)
                case CutOut():
                    self._boxes = change.boxes(shape, *when)
                case Noise():
                    graininess = change.graininess(seed, epoch)
                case Mix():
                    self.mixing = change.mixing(shape, *when)
        self.warp = Warp(matrices, elasticity, graininess)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Array:
        return self.take(index)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        return self[:].astype(dtype or self.dtype, copy=False)

    def take(
        self,
        index: Any,
        dtype: npt.DTypeLike | None = None,
        warp: WarpFunction = warp_in_numpy,
    ) -> Array:
        """Some examples as they are in this epoch, warped by a function that may be compiled."""
        rows = np.arange(len(self))[index]
        own = self._by_themselves(rows, dtype or self.dtype, warp)
        if self.mixing is None:
            return own
        partners = self.mixing.partners[rows]
        others = self._by_themselves(partners, dtype or self.dtype, warp)
        if self.mixing.boxes is None:
            return blend(own, others, self.mixing.shares[rows])
        inside = within(self.mixing.boxes[rows], self.shape[1:])
        own[inside] = others[inside]
        return own

    def _by_themselves(self, rows: Examples, dtype: npt.DTypeLike, warp: WarpFunction) -> Array:
        """Examples before they are mixed."""
        changed = warp(np.ascontiguousarray(self._x[rows], dtype), rows, self.warp)
        if self._boxes is not None:
            changed[within(self._boxes[rows], self.shape[1:])] = 0
        return changed


def blend(own: Array, others: Array, shares: Array) -> Array:
    """λ own + (1 - λ) others, with λ ``(N,)`` for each example, in their type."""
    column = shares.astype(own.dtype).reshape(-1, *[1] * (own.ndim - 1))
    return others + column * (own - others)


def within(boxes: Array, shape: Shape) -> npt.NDArray[np.bool_]:
    """Which pixels of images are in boxes ``(N, 2, 2)``: ``(N, height, width)``."""
    height, width = shape[:2]
    sides = []
    for axis, size in enumerate((height, width)):
        first, end = boxes[:, 0, axis, None], boxes[:, 1, axis, None]
        sides.append((np.arange(size) >= first) & (np.arange(size) < end))
    return sides[0][:, :, None] & sides[1][:, None, :]
