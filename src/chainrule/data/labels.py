"""Targets as losses and metrics take them, checked once, when data is loaded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.errors import DataError
from chainrule.types import Array


def class_numbers(y: Array, origin: str, class_names: Sequence[str] | None = None) -> Array:
    """Labels as class numbers ``(N,)`` in int64: whole numbers from 0.

    Without `class_names` there can be at most as many classes as labels: a larger number is
    taken for a mistake, such as a column that holds no labels.

    >>> class_numbers(np.array([0.0, 2.0, 1.0]), "flowers.csv")
    array([0, 2, 1])

    Raises:
        DataError: a label is no whole number, negative, or too large; the message names
            `origin` and the example.
    """
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise DataError(
            f"{origin}: the labels have shape {y.shape}, expected one class number for each "
            "example: turn one-hot rows into numbers with y.argmax(axis=1)"
        )
    count = len(y) if class_names is None else len(class_names)
    limit = (
        f"there are only {count} examples, which cannot show so many classes"
        if class_names is None
        else f"there are {count} classes, 0 to {count - 1}"
    )
    _refuse(y, ~np.isfinite(y), origin, "labels must be finite numbers")
    _refuse(
        y,
        y != np.floor(y),
        origin,
        "classes are whole numbers: name another label column, or for real numbers choose a loss "
        "such as mean_squared_error (task='regression')",
    )
    _refuse(y, y < 0, origin, "classes are numbered from 0")
    _refuse(y, y >= count, origin, limit)
    return y.astype(np.int64)


def regression_targets(y: Array, origin: str) -> Array:
    """Targets to predict as numbers, ``(N, outputs)`` in float32.

    >>> regression_targets(np.array([0.5, 1.5]), "prices.csv").shape
    (2, 1)

    Raises:
        DataError: a target is not a finite float32.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        targets = y.astype(np.float32).reshape(len(y), -1)
    faulty = np.any(~np.isfinite(targets), axis=1)
    _refuse(y, faulty, origin, "targets must be finite numbers")
    return targets


def _refuse(y: Array, faulty: Array, origin: str, rule: str) -> None:
    if faulty.any():
        example = int(np.argmax(faulty))
        label = y[example].tolist()
        shown = f"{label:g}" if isinstance(label, float) else label
        raise DataError(f"{origin}: the label of example {example} is {shown}; {rule}")
