"""Targets whose shape is not that of the outputs: of (n,) and (n, 1), NumPy makes (n, n)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.types import Array, Shape


def are_spread(one: Shape, other: Shape) -> bool:
    """True if NumPy spreads two arrays of as many entries over each other.

    >>> are_spread((5,), (5, 1)), are_spread((5, 1), (5, 1)), are_spread((3, 5), (5,))
    (True, False, False)
    """
    if one == other or math.prod(one) != math.prod(other):
        return False
    try:
        return math.prod(np.broadcast_shapes(one, other)) > math.prod(one)
    except ValueError:
        return False


def spread_in_words(spread: Sequence[tuple[Shape, Shape]]) -> str:
    """What is said of a loss that spreads its targets."""
    targets, output = spread[0]
    both = np.broadcast_shapes(targets, output)
    return (
        f"the loss takes targets of shape {targets} with an output of shape {output}, which NumPy "
        f"spreads to {both}, so its value is wrong: reshape the targets. The gradients were "
        "compared with those of the same loss, entry by entry"
    )


class FittingTargets(np.ndarray[Any, Any]):
    """Targets that go with an output entry by entry, where NumPy would spread them over it.

    Attributes:
        spread: receives the shapes, of the targets and of the output, where that has happened.
    """

    spread: list[tuple[Shape, Shape]]

    def __array_finalize__(self, other: Any) -> None:
        self.spread = getattr(other, "spread", [])

    def __array_ufunc__(
        self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **others: Any
    ) -> Any:
        is_by_entry = method == "__call__" and ufunc is not np.matmul
        parts = self._fitted(inputs) if is_by_entry else map(_plain, inputs)
        if out is not None:
            others["out"] = tuple(map(_plain, out))
        given = getattr(ufunc, method)(*parts, **others)
        is_alike = isinstance(given, np.ndarray) and given.shape == self.shape
        return fitting(given, self.spread) if is_alike else given

    def __array_function__(self, function: Any, types: Any, values: Any, named: Any) -> Any:
        if function is np.where:
            return np.where(*self._fitted(values), **named)
        return super().__array_function__(function, types, values, named)

    def _fitted(self, values: Sequence[Any]) -> list[Any]:
        """Plain arrays, the targets in the shape of an output over which they would be spread."""
        shapes = (np.shape(each) for each in values if not isinstance(each, FittingTargets))
        shape = next((each for each in shapes if are_spread(self.shape, each)), None)
        if shape is None:
            return list(map(_plain, values))
        self.spread.append((self.shape, shape))
        return [
            _plain(each).reshape(shape) if np.shape(each) == self.shape else _plain(each)
            for each in values
        ]


def fitting(y: Array, spread: list[tuple[Shape, Shape]]) -> FittingTargets:
    """The targets as `FittingTargets`."""
    made = np.asarray(y).view(FittingTargets)
    made.spread = spread
    return made


def _plain(value: Any) -> Any:
    return value.view(np.ndarray) if isinstance(value, FittingTargets) else value
