"""Data sets: `load` one by name or from a file, or draw points from a formula.

>>> digits = load("digits")
>>> digits.x_train.shape, digits.y_train.shape
((1437, 8, 8, 1), (1437,))
"""

from __future__ import annotations

from chainrule.data.dataset import Dataset, Inputs
from chainrule.data.export import export_csv
from chainrule.data.loading import load, load_inputs
from chainrule.data.reading import names
from chainrule.data.splits import split
from chainrule.data.synthetic import (
    blobs,
    circles,
    fresh,
    linear,
    moons,
    parabola,
    sine,
    spirals,
    xor,
    xor_line,
)

__all__ = [
    "Dataset",
    "Inputs",
    "blobs",
    "circles",
    "export_csv",
    "fresh",
    "linear",
    "load",
    "load_inputs",
    "moons",
    "names",
    "parabola",
    "sine",
    "spirals",
    "split",
    "xor",
    "xor_line",
]
