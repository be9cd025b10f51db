"""What the numbers that a network takes are called, and in which units they are shown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.data.preparation import Preparation
from chainrule.data.tables.columns import CategoryColumn, Column
from chainrule.types import Array


@dataclass(frozen=True)
class Feature:
    """One of the numbers that a network takes: what it is called, and how it came to be from the
    number in the user's file, (value - mean) / deviation."""

    name: str
    mean: float = 0.0
    deviation: float = 1.0


def features_of(preparation: Preparation, count: int) -> list[Feature]:
    """The features of a network that takes `count` numbers: those of its table, or x1, x2, …

    >>> [feature.name for feature in features_of(Preparation(), 2)]
    ['x1', 'x2']
    """
    layout = preparation.layout
    if layout is None or layout.columns is None:
        return [Feature(f"x{number}") for number in range(1, count + 1)]
    return [
        feature
        for column in layout.columns
        for feature in _features_of(column, layout.name_of(column.name))
    ]


def _features_of(column: Column, name: str) -> Iterator[Feature]:
    """The numbers that a column of a table becomes."""
    if isinstance(column, CategoryColumn):
        yield from (Feature(f"{name}: {category}") for category in column.categories)
    else:
        yield Feature(name, column.mean, column.deviation)
    if column.flagged:
        yield Feature(f"{name} is missing")


def in_own_units(x: Array, features: Sequence[Feature]) -> Array:
    """Examples ``(N, features)``, as a network takes them, as they stand in the user's file."""
    deviations = np.array([feature.deviation for feature in features])
    return x * deviations + np.array([feature.mean for feature in features])
