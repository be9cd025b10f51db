"""Inputs unlike those that a network was trained on: pixels of 0 to 255 in the place of 0 to 1."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.types import Array

Range = tuple[float, float]

SAMPLE = 256  # examples whose values are looked at, however many there are
# So many times the width of the training values must an input lie outside them. Values of another
# unit or left unscaled do by far; the outliers of new data do not.
FAR_OUTSIDE = 3.0
# All of many inputs within so small a part of the training values: trained on 0 to 255, given 0 to
# 1. Of a single example that says nothing: an image may be black.
NARROW, MANY = 0.02, 32


def spaced(count: int, wanted: int) -> Array:
    """At most `wanted` of `count` rows, evenly spaced.

    >>> spaced(10, 4), spaced(2, 4)
    (array([0, 3, 6, 9]), array([0, 1]))
    """
    return np.linspace(0, count - 1, min(count, wanted)).astype(np.intp)


def range_of(x: Any) -> Range | None:
    """The lowest and the highest value of some examples; None if none is finite."""
    values = np.asarray(x[spaced(len(x), SAMPLE)], np.float64)
    finite = values[np.isfinite(values)]
    return (float(finite.min()), float(finite.max())) if finite.size else None


def unlike(x: Any, trained: Range) -> str | None:
    """How inputs differ from the range of those that the network was trained on, if they do."""
    given, width = range_of(x), trained[1] - trained[0]
    if given is None or not width:  # of inputs that were all the same nothing is known
        return None
    beyond = max(trained[0] - given[0], given[1] - trained[1])
    narrow = len(x) >= MANY and given[1] - given[0] < NARROW * width
    if beyond <= FAR_OUTSIDE * width and not narrow:
        return None
    return (
        f"values from {given[0]:.4g} to {given[1]:.4g}, but the network was trained on "
        f"{trained[0]:.4g} to {trained[1]:.4g}: prepare both in the same way"
    )
