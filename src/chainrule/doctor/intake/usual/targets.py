"""Targets where none are given: classes as rows with a one or as numbers, or numbers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.foreign.calls.conventions import Code
from chainrule.foreign.objects import state as states
from chainrule.types import Array

ONE_HOT, CLASS_NUMBERS = "rows with a one", "class numbers"


def targets_for(output: Array, axis: int) -> Array:
    """Targets in the shape of the output: one-hot where it holds probabilities of classes, zeros
    and ones where it lies between them, else numbers around it."""
    if output.ndim == 2 and output.shape[1 - axis] > 1 and _are_probabilities(output, axis):
        return one_hot_targets(output.shape, axis)
    if (output > 0).all() and (output < 1).all():
        return np.asarray(np.arange(output.size).reshape(output.shape) % 2, np.float64)
    return np.asarray(0.5 * np.cos(1.0 + np.arange(output.size)).reshape(output.shape))


def _are_probabilities(output: Array, axis: int) -> bool:
    return bool((output >= 0).all() and np.allclose(output.sum(axis=1 - axis), 1))


def one_hot_targets(shape: tuple[int, ...], axis: int) -> Array:
    """Targets in a shape of two axes, of which `axis` counts the examples: each class in turn."""
    classes = shape[1 - axis]
    chosen = np.eye(classes)[np.arange(shape[axis]) % classes]
    return chosen if axis == 0 else chosen.T


def _class_numbers(count: int, classes: int) -> Array:
    """A class for each example, the last one first: code may count the classes by the largest."""
    return np.asarray((classes - 1 - np.arange(count)) % classes)


def targets_of_kinds(output: Array, axis: int) -> Iterator[tuple[str, Array]]:
    """Targets to try for an output, with what they are (a plural), the likeliest first."""
    yield "arrays of the output's shape", targets_for(output, axis)
    if output.ndim == 2 and output.shape[1 - axis] > 1:
        if not _are_probabilities(output, axis):
            yield ONE_HOT, one_hot_targets(output.shape, axis)
        yield CLASS_NUMBERS, _class_numbers(output.shape[axis], output.shape[1 - axis])


def targets_for_width(count: int, widths: list[int], axis: int) -> Iterator[tuple[str, Array]]:
    """Targets where there is no output yet, since the forward pass asks for them itself.

    Args:
        count: of the examples.
        widths: how many classes or outputs there may be.
    """
    for width in widths:
        shape = (count, width) if axis == 0 else (width, count)
        if width > 1:
            yield ONE_HOT, one_hot_targets(shape, axis)
            yield CLASS_NUMBERS, _class_numbers(count, width)
        yield "numbers", np.asarray(0.5 * np.cos(1.0 + np.arange(count * width)).reshape(shape))
    yield "numbers, one for each example,", np.arange(count) % 2 * 1.0


def widths_of(code: Code, x: Any, axis: int) -> list[int]:
    """How many outputs code may have: as its last weights say, or as many as inputs."""
    arrays = [array for array in states.arrays(code.state).values() if array.ndim]
    last = arrays[-1].shape if arrays else ()
    sizes = [*(size for size in last[::-1] if size > 1), *np.shape(x)[1 - axis : 2 - axis]]
    return list(dict.fromkeys(map(int, sizes)))
