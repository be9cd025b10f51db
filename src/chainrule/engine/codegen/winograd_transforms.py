"""Winograd's minimal filtering, and its transforms: M t Mᵀ for every tile t, vector by vector.

F(m, r) makes m outputs of a filter with r taps by m + r - 1 multiplications, where m r are needed
otherwise; nested in itself, m x m outputs of an r x r kernel g from a tile d of an image, by
(m + r - 1)² of them, of which each has its place:

    y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A

The matrices are Toom and Cook's. Kernel and outputs are polynomials, evaluated at m + r - 2 points
and at infinity; the input's transform is what goes back from values to coefficients, transposed.
Small points make small rounding errors: about 2e-6 of the largest output in float32, with the six
places of F(4, 3) and F(2, 5), where products added one by one make 3e-7.

Sources: Lavin & Gray, Fast Algorithms for Convolutional Neural Networks (2016), section 4; for the
points Barabasz, Anderson, Soodhalter & Gregg, Error Analysis and Improving the Accuracy of Winograd
Convolution for Deep Neural Networks (2020).
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import product
from typing import Any, NamedTuple

from chainrule.engine.codegen.emitter import INT, Emitter
from chainrule.engine.codegen.kernel import ir, kernel
from chainrule.engine.codegen.packing import pack_number
from chainrule.engine.codegen.processor import TILE_VECTORS, VECTOR_BYTES
from chainrule.engine.codegen.tiles import fields_at
from chainrule.engine.program.records import record

Matrix = Sequence[Sequence[Fraction]]
OF_IMAGE, OF_KERNEL, OF_DY, TO_OUTPUT = range(4)
KINDS = ("of_image", "of_kernel", "of_dy", "to_output")


class Filtering(NamedTuple):
    """F(m, r), by its finite points; and from how many channels on it saves more than its
    transforms cost, as was measured."""

    outputs: int
    taps: int
    points: tuple[Fraction, ...]
    least_channels: int

    @property
    def side(self) -> int:
        """Of a tile of the input: m + r - 1."""
        return self.outputs + self.taps - 1

    def matrix(self, kind: int) -> Matrix:
        """The M of a transform."""
        if kind == OF_IMAGE:
            return self.interpolation()
        if kind == OF_KERNEL:
            one = Fraction(1)
            divisors = [
                math.prod((p - q for q in self.points if q != p), start=one) for p in self.points
            ]
            return self.evaluation(self.taps, [*divisors, one])
        values = self.evaluation(self.outputs, [Fraction(1)] * self.side)
        return values if kind == OF_DY else transposed(values)

    def evaluation(self, count: int, divisors: Sequence[Fraction]) -> Matrix:
        """From so many coefficients to values at the points, and at infinity, which is the last
        coefficient. Each is divided by a number of its own."""
        rows = [[p**k for k in range(count)] for p in self.points]
        rows.append([Fraction(k == count - 1) for k in range(count)])
        return [[n / by for n in row] for row, by in zip(rows, divisors, strict=True)]

    def interpolation(self) -> Matrix:
        """Row by row, the polynomial that is zero at all points but one, and, for infinity, at all
        of them."""
        others = [[q for q in self.points if q != p] for p in self.points]
        rows = [polynomial(roots) for roots in (*others, self.points)]
        return [[*row, *[Fraction(0)] * (self.side - len(row))] for row in rows]


def polynomial(roots: Sequence[Fraction]) -> list[Fraction]:
    """The coefficients of Π (x - root), the constant one first."""
    found = [Fraction(1)]
    for root in roots:
        shifted = [Fraction(0), *found]
        found = [a - root * b for a, b in zip(shifted, [*found, Fraction(0)], strict=True)]
    return found


def transposed(matrix: Matrix) -> Matrix:
    """Its columns as rows."""
    return list(zip(*matrix, strict=True))


def points(*given: float) -> tuple[Fraction, ...]:
    """As exact fractions."""
    return tuple(map(Fraction, given))


FILTERINGS = (
    Filtering(4, 3, points(0, 1, -1, 0.5, -2), least_channels=16),
    Filtering(2, 3, points(0, 1, -1), least_channels=32),
    Filtering(2, 5, points(0, 1, -1, 0.5, -2), least_channels=32),
)


class Transform(NamedTuple):
    """Which function of the library: F(m, r), and what it transforms."""

    filtering: Filtering
    kind: int

    @property
    def name(self) -> str:
        return f"winograd_{self.filtering.outputs}_{self.filtering.taps}_{KINDS[self.kind]}"


def all_transforms() -> Iterator[Transform]:
    """Every function, in the order of their numbers, which follow those of the packs."""
    return (Transform(*some) for some in product(FILTERINGS, range(len(KINDS))))


@kernel
def transform_number(filtering: int, kind: int) -> int:
    """Which one of `all_transforms` it is, counted on from `all_packs`."""
    return pack_number(TILE_VECTORS + 1, 0) + filtering * len(KINDS) + kind


@record
class TransformTask(ctypes.Structure):
    """What is to be transformed: a row of tiles, of whose every place there are several vectors.
    Where the first one begins, how far it is from there to the vector below and to the one on the
    right, and to the next tile; the same of the results; and what is added to all of them."""

    number: int  # of the function in `library`
    tiles: int
    vectors: int
    source: int
    source_down: int
    source_right: int
    source_next: int
    target: int
    target_down: int
    target_right: int
    target_next: int
    bias: int  # 0 if none is added


def emit_transform(transform: Transform, emit: Emitter, address: Any) -> None:
    """target = M · source · Mᵀ, given the address of a `TransformTask`; outputs get their bias."""
    builder, task = emit.builder, fields_at(emit, address, TransformTask)
    matrix = transform.filtering.matrix(transform.kind)
    source = Grid(emit, task, "source", len(matrix[0]))
    target = Grid(emit, task, "target", len(matrix))
    everything = ir.Constant(emit.mask, [1] * emit.lanes)
    bias, (mask,) = emit.given_or_zero(task["bias"], task["source"], [everything])
    with emit.loop(task["tiles"]) as tile, emit.loop(task["vectors"]) as vector:
        beyond = builder.mul(vector.index, INT(VECTOR_BYTES))
        vectors = [[emit.load(at) for at in row] for row in source.of_tile(tile.index, beyond)]
        columns = [[combination(emit, m, v) for m in matrix] for v in transposed(vectors)]
        rows = [[combination(emit, m, v) for m in matrix] for v in transposed(columns)]
        if transform.kind == TO_OUTPUT:
            added = emit.load(builder.add(bias, beyond), mask)
            rows = [[builder.fadd(value, added) for value in row] for row in rows]
        for row, addresses in zip(rows, target.of_tile(tile.index, beyond), strict=True):
            for value, at in zip(row, addresses, strict=True):
                emit.store(value, at)


class Grid:
    """Where the vectors of tiles of so many rows and columns lie, by the fields of a task."""

    def __init__(self, emit: Emitter, task: dict[str, Any], name: str, side: int) -> None:
        self.builder, self.first, self.next = emit.builder, task[name], task[f"{name}_next"]
        self.down, self.right = (
            [emit.builder.mul(task[f"{name}_{way}"], INT(i)) for i in range(side)]
            for way in ("down", "right")
        )

    def of_tile(self, number: Any, beyond: Any) -> list[list[Any]]:
        """The addresses, row by row, so many bytes behind a tile's first vectors."""
        add = self.builder.add
        first = add(add(self.first, beyond), self.builder.mul(number, self.next))
        return [[add(add(first, down), right) for right in self.right] for down in self.down]


def combination(emit: Emitter, factors: Sequence[Fraction], vectors: Sequence[Any]) -> Any:
    """Σ_k factor_k · vector_k."""
    total, builder = emit.zero, emit.builder
    for factor, vector in sorted(zip(factors, vectors, strict=True), key=lambda pair: pair[0] != 1):
        if not factor:
            continue
        if total is emit.zero and factor == 1:
            total = vector
        elif abs(factor) == 1:
            total = (builder.fadd if factor == 1 else builder.fsub)(total, vector)
        else:
            size = ir.Constant(emit.vector, [float(factor)] * emit.lanes)
            total = emit.multiply_add(vector, size, total)
    return total
