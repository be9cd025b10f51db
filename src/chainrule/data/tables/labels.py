"""Targets as losses and metrics take them, checked once, when data is loaded.

The name of a class is the word or the whole number that stands for it in the file. Losses number
the classes from 0, in the order of their names.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.data.tables.table import is_whole, listed_in_order, number_text, quoted
from chainrule.errors import DataError
from chainrule.limits import shortened
from chainrule.spelling import nearest
from chainrule.types import Array, Shape

MOST_NUMBERED = 20  # distinct whole numbers that are classes, whatever they are
ROWS_TO_A_CLASS = 3  # at least, where there are more, numbered without a gap
MANY_ROWS = 20  # from which on a class for nearly every one of them is odd
FOR_CLASSES = "for classes, give --loss softmax_cross_entropy (task='classification' in Python)"
LARGEST_LABEL = 2**53  # up to which real numbers are exact


def guess_task(y: Array, are_pixels: bool) -> str:
    """``"classification"``, or ``"regression"`` for a column of many distinct numbers.

    Words are classes. Whole numbers are where they belong to images, where there are few of them,
    or where they count 0, 1, 2, … or 1, 2, 3, … with several examples each.

    >>> guess_task(np.array([1, 2, 2, 1]), are_pixels=False)
    'classification'
    >>> guess_task(np.array([23.0, 41.0, 35.0, 62.0]), are_pixels=False)
    'regression'
    """
    if y.dtype == object:
        return "classification"
    distinct = np.unique(y)
    if np.any(distinct != np.floor(distinct)):
        return "regression"
    numbered = distinct[0] in (0, 1) and np.all(np.diff(distinct) == 1)
    few = len(distinct) <= MOST_NUMBERED and len(distinct) <= max(2, len(y) / 2)
    many_each = numbered and len(y) >= ROWS_TO_A_CLASS * len(distinct)
    return "classification" if are_pixels or few or many_each else "regression"


def say_regression(what: str, y: Array) -> str:
    """That targets were taken for numbers, and how to have them taken for classes."""
    return (
        f"{what} has {len(np.unique(y)):,} different numbers, so it is predicted as a number "
        f"(regression); {FOR_CLASSES}"
    )


def odd_classes(y: Array, class_names: Sequence[str]) -> list[str]:
    """Warnings of classes from which little can be learnt."""
    counts = np.bincount(y, minlength=len(class_names))
    if len(y) > MANY_ROWS and len(class_names) > len(y) / 2:
        return [
            f"warning: {len(class_names):,} classes for {len(y):,} examples, nearly one for each: "
            "are these the right labels?"
        ]
    single = [class_names[at] for at in np.flatnonzero(counts == 1).tolist()]
    return [f"warning: classes with one example: {listed_in_order(single, 10)}"] if single else []


def name_classes(y: Array, origin: str) -> tuple[str, ...]:
    """The names of the classes that occur: words in alphabetical order, whole numbers in theirs.

    >>> name_classes(np.array([10, 2, 1, 2]), "digits.npz")
    ('1', '2', '10')

    Raises:
        DataError: a label is no whole number; the message names `origin` and the example.
    """
    y = _flat(y, origin)
    if y.dtype == object:
        return tuple(sorted(set(y.tolist())))
    _refuse_no_classes(y, origin)
    return tuple(number_text(number) for number in np.unique(y).tolist())


def match_classes(
    y: Array, origin: str, class_names: Sequence[str], may_be_numbered: bool = False
) -> Array:
    """Labels as class numbers ``(N,)`` in int64, by the names of the classes. Where they may be
    numbered, whole numbers from 0 stand for classes that are called otherwise.

    >>> match_classes(np.array([10, 2]), "digits.npz", ("1", "2", "10"))
    array([2, 1])
    >>> match_classes(np.array([1, 0]), "pets.npz", ("cat", "dog"), may_be_numbered=True)
    array([1, 0])

    Raises:
        DataError: a label is none of the classes; the message names `origin` and the example.
    """
    y = _flat(y, origin)
    if y.dtype == object:
        texts = y.tolist()
    else:
        _refuse_no_classes(y, origin)
        distinct, places = np.unique(y, return_inverse=True)
        names = [number_text(number) for number in distinct.tolist()]
        are_words = not all(map(is_whole, class_names))
        if may_be_numbered and are_words and not {*names} <= {*class_names}:
            return class_numbers(y, origin, class_names)
        texts = [names[place] for place in places.ravel().tolist()]
    number = {name: at for at, name in enumerate(class_names)}
    unknown = next((row for row, text in enumerate(texts) if text not in number), None)
    if unknown is not None:
        text = str(texts[unknown])
        like = nearest(text, class_names, likeness=0.6)
        meant = f" (did you mean {quoted(like)}?)" if like else ""
        raise DataError(
            f"{origin}: the label of example {unknown} is {quoted(text)}{meant}; the classes are "
            f"{listed_in_order(class_names)}"
        )
    return np.array([number[text] for text in texts], np.int64)


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
    y = _flat(y, origin)
    count = len(y) if class_names is None else len(class_names)
    limit = (
        f"there are only {count} examples, which cannot show so many classes"
        if class_names is None
        else f"there are {count} classes, 0 to {count - 1}"
    )
    _refuse_no_classes(y, origin)
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
    if y.dtype == object:
        raise DataError(
            f"{origin}: the targets are words, such as {shortened(repr(y[0]))}, expected numbers: "
            "name another label column, or choose a loss for classes"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        targets = y.astype(np.float32).reshape(len(y), -1)
    faulty = np.any(~np.isfinite(targets), axis=1)
    _refuse(y, faulty, origin, "targets must be finite numbers")
    return targets


def _flat(y: Array, origin: str) -> Array:
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise DataError(
            f"{origin}: the labels have shape {y.shape}, expected one class number for each "
            "example: turn one-hot rows into numbers with y.argmax(axis=1)"
        )
    return y


def _refuse_no_classes(y: Array, origin: str) -> None:
    _refuse(y, ~np.isfinite(y), origin, "labels must be finite numbers")
    _refuse(
        y,
        y != np.floor(y),
        origin,
        "classes are whole numbers: name another label column, or for real numbers choose a loss "
        "such as mean_squared_error (task='regression')",
    )
    _refuse(y, np.abs(y) > LARGEST_LABEL, origin, "classes are whole numbers of at most 53 bits")


def _refuse(y: Array, faulty: Array, origin: str, rule: str) -> None:
    if faulty.any():
        example = int(np.argmax(faulty))
        label = y[example].tolist()
        shown = f"{label:g}" if isinstance(label, float) else label
        raise DataError(f"{origin}: the label of example {example} is {shown}; {rule}")


def are_labels(y: Array, output_shape: Shape) -> bool:
    """True if targets are class numbers, one for each example, for several outputs."""
    is_row = len(output_shape) == 1 and output_shape[0] > 1
    return y.ndim == 1 and y.dtype.kind in "iub" and is_row
