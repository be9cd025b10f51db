"""What is kept from training: a part to choose by (validation), and one to judge by in the end
(test).

Every class gives its share of both, and rows of one group stay together. What is held out for
validation depends on the seed of the run. The test part does not: networks trained with several
seeds are then judged on the same examples, none of which any of them was trained on or chosen by.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chainrule.data.dataset import Dataset, take
from chainrule.errors import ArgumentError
from chainrule.seeding import generator
from chainrule.types import Array

ENOUGH_TO_HOLD_OUT = 500  # training examples from which a tenth is held out unless told otherwise
TEST_SEED = 0

Share = float | int  # a fraction, or a count
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class HoldOut:
    """How much is held out, as for `load`: a fraction, a count, a file, which takes no rows away,
    or None, which for `validation` is a tenth where that is enough, and for `test` nothing."""

    validation: Share | str | Path | None = 0
    test: Share | str | Path | None = None
    seed: int = 0

    def rows(self, y: Array, groups: Array | None = None) -> tuple[Rows, Rows, Rows]:
        """The rows for training, for validation and for the test, each in ascending order.

        Args:
            y: the targets; those of class numbers ``(N,)`` are held out class by class.
            groups: ``(N,)``, which of the rows stay together.
        Raises:
            ArgumentError: nothing would be held out, or nothing would be left.
        """
        rest, none = np.arange(len(y)), np.arange(0)
        tested = validated = none
        if isinstance(self.test, (float, int)):
            rng = generator(TEST_SEED, "test split")
            rest, tested = split_rows(y, self.test, rng, groups, "test")
        part = default_held_out(len(rest)) if self.validation is None else self.validation
        if part and isinstance(part, (float, int)):
            groups = None if groups is None else groups[rest]
            kept, held_out = split_rows(y[rest], part, generator(self.seed, "split"), groups)
            rest, validated = rest[kept], rest[held_out]
        return rest, validated, tested

    def apply(self, dataset: Dataset) -> Dataset:
        """A data set with parts of its training part held out.

        Raises:
            ArgumentError: as for `rows`; or there is a test part, and another one is asked for.
        """
        if dataset.x_test is not None and isinstance(self.test, (float, int)):
            raise ArgumentError(
                f"{dataset.name} has a test part of its own: leave out test={self.test}"
            )
        return in_parts(dataset, *self.rows(dataset.y_train))


def in_parts(dataset: Dataset, rest: Rows, validated: Rows, tested: Rows) -> Dataset:
    """A data set with some rows of its training part as its other parts."""
    x, y = dataset.x_train, dataset.y_train
    if len(rest) < len(x):
        dataset = replace(dataset, x_train=take(x, rest), y_train=take(y, rest))
    if len(validated):
        dataset = replace(dataset, x_validation=take(x, validated), y_validation=take(y, validated))
    if len(tested):
        dataset = replace(dataset, x_test=take(x, tested), y_test=take(y, tested))
    return dataset


def split(
    x: Array, y: Array, held_out: Share, seed: int = 0, groups: Array | None = None
) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Hold out a random part: a fraction when `held_out` is a float, a count when an int.

    Of class numbers ``(N,)`` every class gives its share. With `groups` ``(N,)`` rows of one group
    stay together, and the part is so many of the groups.

    Returns the training part and the held-out part, each ``(x, y)``, in their first order;
    of what is not in memory, parts that are read when they are used.

    >>> x, y = np.arange(10.0).reshape(10, 1), np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    >>> (x_train, y_train), (x_held_out, y_held_out) = split(x, y, 0.4)
    >>> y_train, y_held_out
    (array([0, 0, 0, 1, 1, 1]), array([0, 0, 1, 1]))

    Raises:
        ArgumentError: nothing would be held out, or nothing would be left.
    """
    rest, chosen = split_rows(y, held_out, generator(seed, "split"), groups)
    return (take(x, rest), take(y, rest)), (take(x, chosen), take(y, chosen))


def split_rows(
    y: Array,
    part: Share,
    rng: np.random.Generator,
    groups: Array | None = None,
    name: str = "validation",
) -> tuple[Rows, Rows]:
    """The rows to train on, and those to hold out, in ascending order; `name` is the part's."""
    are_classes = y.ndim == 1 and y.dtype.kind in "biu"
    classes = np.unique(np.asarray(y), return_inverse=True)[1] if are_classes else None
    if groups is None:
        held_out = _draw(len(y), count_held_out(len(y), part, name), classes, rng)
    else:
        held_out = _draw_groups(np.asarray(groups), part, classes, rng, name)
    return np.flatnonzero(~held_out), np.flatnonzero(held_out)


def _draw(
    available: int, count: int, classes: Array | None, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """A mark on `count` examples at random: of each class its share, rounded up or down, and never
    the last one of a class where there are others.

    Source: systematic sampling, Cochran, Sampling Techniques (1977), chapter 8.
    """
    order = rng.permutation(available)
    if classes is None:
        chosen = order[:count]
    else:
        order = order[np.argsort(classes[order], kind="stable")]  # by class, at random within it
        is_first = np.diff(classes[order], prepend=-1) != 0
        if count <= np.count_nonzero(~is_first):
            order = order[~is_first]
        # Every (available / count)th of the row, from a random place on.
        steps = np.arange(count) * len(order) + rng.integers(len(order))
        chosen = order[steps // count]
    marks = np.zeros(available, bool)
    marks[chosen] = True
    return marks


def _draw_groups(
    groups: Array, part: Share, classes: Array | None, rng: np.random.Generator, name: str
) -> npt.NDArray[np.bool_]:
    """A mark on the examples of some groups; a group is of the class that most of it is."""
    distinct, group = np.unique(groups, return_inverse=True)
    share = part if isinstance(part, float) else part / len(groups)
    count = max(1, round(share * len(distinct)))
    if share >= 1 or count >= len(distinct):
        raise ArgumentError(
            f"{name}={part} would hold out all of {len(distinct)} groups: give a smaller part, or "
            "a column with more groups"
        )
    of_groups = None if classes is None else _most_frequent(group, classes)
    return _draw(len(distinct), count, of_groups, rng)[group]


def _most_frequent(group: Array, classes: Array) -> Array:
    """The most frequent class in each group."""
    counts = np.zeros((group.max() + 1, classes.max() + 1), np.int64)
    np.add.at(counts, (group, classes), 1)
    return counts.argmax(axis=1)


def default_held_out(available: int) -> Share:
    """How much is held out for validation unless told otherwise: a tenth, where that is enough."""
    return 0.1 if available >= ENOUGH_TO_HOLD_OUT else 0


def count_held_out(available: int, held_out: Share, name: str = "validation") -> int:
    """How many of `available` examples a fraction (float) or a count (int) means."""
    count = round(held_out * available) if isinstance(held_out, float) else held_out
    if not 0 < count < available:
        raise ArgumentError(
            f"{name}={held_out} would hold out {count} of {available} examples: give a "
            f"fraction between 0 and 1, or a count from 1 to {available - 1}"
        )
    return count
