"""What is assumed where nothing is given: a loss, and targets for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Loss = Callable[[Array, Array], float]

TINY = 1e-300


def _count(p: Array) -> int:
    return len(p) if p.ndim else 1


LOSSES: dict[str, Loss] = {
    "the mean squared error": lambda y_true, y_pred: float(np.mean((y_pred - y_true) ** 2)),
    "half the mean squared error": lambda y_true, y_pred: float(
        np.mean((y_pred - y_true) ** 2) / 2
    ),
    "half the sum of squared errors": lambda y_true, y_pred: float(
        np.sum((y_pred - y_true) ** 2) / 2
    ),
    "the sum of squared errors": lambda y_true, y_pred: float(np.sum((y_pred - y_true) ** 2)),
    "the squared errors of an example, averaged over rows": lambda y_true, y_pred: float(
        np.sum((y_pred - y_true) ** 2) / _count(y_pred)
    ),
    "half the squared errors of an example, averaged over rows": lambda y_true, y_pred: float(
        np.sum((y_pred - y_true) ** 2) / 2 / _count(y_pred)
    ),
    "half the squared errors of an example, averaged over columns": lambda y_true, y_pred: float(
        np.sum((y_pred - y_true) ** 2) / 2 / y_pred.shape[-1]
    ),
    "the squared errors of an example, averaged over columns": lambda y_true, y_pred: float(
        np.sum((y_pred - y_true) ** 2) / y_pred.shape[-1]
    ),
    "cross-entropy, averaged over rows": lambda y_true, y_pred: float(
        -np.sum(_hot(y_true, y_pred) * np.log(y_pred + TINY)) / _count(y_pred)
    ),
    "cross-entropy, averaged over columns": lambda y_true, y_pred: float(
        -np.sum(_hot(y_true, y_pred) * np.log(y_pred + TINY)) / y_pred.shape[-1]
    ),
    "cross-entropy, summed": lambda y_true, y_pred: float(
        -np.sum(_hot(y_true, y_pred) * np.log(y_pred + TINY))
    ),
    "binary cross-entropy, averaged": lambda y_true, y_pred: float(
        np.mean(_binary(y_true, y_pred))
    ),
    "binary cross-entropy, averaged over rows": lambda y_true, y_pred: float(
        np.sum(_binary(y_true, y_pred)) / _count(y_pred)
    ),
    "binary cross-entropy, averaged over columns": lambda y_true, y_pred: float(
        np.sum(_binary(y_true, y_pred)) / y_pred.shape[-1]
    ),
    "binary cross-entropy, summed": lambda y_true, y_pred: float(np.sum(_binary(y_true, y_pred))),
}


def _binary(y: Array, p: Array) -> Array:
    return np.asarray(-y * np.log(p + TINY) - (1 - y) * np.log(1 - p + TINY))


def _hot(y: Array, p: Array) -> Array:
    """Class numbers as rows with a one."""
    if y.shape == p.shape or y.ndim != 1 or y.dtype.kind not in "iu":
        return y
    return np.eye(p.shape[-1])[y]


def targets_for(output: Array, axis: int) -> Array:
    """Targets in the shape of the output: one-hot where it holds probabilities of classes, zeros
    and ones where it lies between them, else numbers around it."""
    if output.ndim == 2 and output.shape[1 - axis] > 1:
        sums = output.sum(axis=1 - axis)
        if (output >= 0).all() and np.allclose(sums, 1):
            classes = output.shape[1 - axis]
            chosen = np.eye(classes)[np.arange(output.shape[axis]) % classes]
            return chosen if axis == 0 else chosen.T
    if (output > 0).all() and (output < 1).all():
        return np.asarray(np.arange(output.size).reshape(output.shape) % 2, np.float64)
    return np.asarray(0.5 * np.cos(1.0 + np.arange(output.size)).reshape(output.shape))
