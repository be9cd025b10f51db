"""All candidate corrections, and which to try first where the numbers suggest a cause."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chainrule.rewrites import arithmetic_corrections as arithmetic
from chainrule.rewrites import derivative_corrections as derivatives
from chainrule.rewrites import structure_corrections as structure
from chainrule.rewrites.edits import Edit
from chainrule.rewrites.functions import FunctionSource

# Each takes a function and the ratios of wrong gradients to true ones; `scales` alone uses these.
Generator = Callable[[FunctionSource, list[float]], Iterator[Edit]]

GENERATORS: dict[str, Generator] = {
    "scale": arithmetic.scales,
    "sign": arithmetic.signs,
    "transposed": arithmetic.transpositions,
    "axis": arithmetic.axes,
    "missing": derivatives.missing,
    "exchanged": derivatives.exchanged,
    "loops": structure.loops,
    "order": structure.order,
    "kernels": structure.kernels,
    "strides": structure.strides,
    "crops": structure.crops,
    "fewer": arithmetic.fewer_factors,
    "words": derivatives.words,
    "renamed": structure.renamed,
}

# By the code of the cause that the numbers suggest.
FIRST_FOR = {
    "sign": ["sign"],
    "batch-scale": ["scale", "axis"],
    "constant-scale": ["scale"],
    "transposed": ["transposed"],
    "wrong-axis": ["axis"],
    "stale-weights": ["order"],
    "partial-sum": ["loops"],
    "padding-crop": ["crops"],
    "kernel-flip": ["kernels"],
}
