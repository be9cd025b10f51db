"""The arrays of a trace, as they are shown: those of the first example."""

from __future__ import annotations

from chainrule.passages import Passage
from chainrule.types import Array

FEW = 36  # numbers of an array that is printed in full
COLUMNS = ["layer", "shape", "min", "max", "mean", "std", "zero", "saturated", "gradient"]


def first_example(passage: Passage) -> dict[str, Array]:
    """A passage's arrays, of those with a batch axis the first example's."""
    return {
        name: array[0] if name in ("y", "dy") else array for name, array in passage.arrays.items()
    }
