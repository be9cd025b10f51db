"""Winograd's transforms, vector by vector: Bᵀ d B, G g Gᵀ, A dy Aᵀ and Aᵀ m A, as
`operations.winograd` needs them.

Source: Lavin & Gray, Fast Algorithms for Convolutional Neural Networks (2016), section 4.1.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from chainrule.engine.codegen.emitter import INT, Emitter, vector_function
from chainrule.engine.codegen.kernel import ir
from chainrule.engine.codegen.processor import VECTOR_BYTES

PLACES = 16  # of a transformed tile

B_T = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
G = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))
A_T = ((1, 1, 1, 0), (0, 1, -1, -1))
A = tuple(zip(*A_T, strict=True))


class Row(NamedTuple):
    """A row of tiles, of which each vector is transformed by itself.

    Args:
        tiles: how many there are.
        vectors: in a pixel.
        source, down, right, next_source: where the first tile begins, and how far it is from there
            to a number below, to the number on the right, and to the next tile. For kernels, the
            nine numbers of which lie `right` apart, `down` is three times as much.
        target, place, next_target: where the results begin, how far it is from one place to the
            next, and to the next tile.
    """

    tiles: int
    vectors: int
    source: int
    down: int
    right: int
    next_source: int
    target: int
    place: int
    next_target: int


class RowBack(NamedTuple):
    """The same for the way back, with a bias to be added, unless its address is 0."""

    tiles: int
    vectors: int
    source: int
    place: int
    next_source: int
    target: int
    down: int
    right: int
    next_target: int
    bias: int


def combined(emit: Emitter, matrix: Any, vectors: list[list[Any]]) -> list[list[Any]]:
    """matrix · vectors · matrixᵀ, with the zeros of the matrix left out."""
    rows = [
        [combination(emit, line, column) for column in zip(*vectors, strict=True)]
        for line in matrix
    ]
    return [[combination(emit, line, row) for line in matrix] for row in rows]


def combination(emit: Emitter, factors: Any, vectors: Any) -> Any:
    """Σ_k factor_k · vector_k, where all factors but zeros have the same size."""
    builder, pairs = emit.builder, list(zip(factors, vectors, strict=True))
    total, *added = [vector for factor, vector in pairs if factor > 0] or [emit.zero]
    for vector in added:
        total = builder.fadd(total, vector)
    for vector in [vector for factor, vector in pairs if factor < 0]:
        total = builder.fsub(total, vector)
    size = max(map(abs, factors))
    return (
        total if size == 1 else builder.fmul(total, ir.Constant(emit.vector, [size] * emit.lanes))
    )


def address_of(emit: Emitter, start: Any, *steps: tuple[Any, int]) -> Any:
    """start + Σ step · count."""
    for step, count in steps:
        start = emit.builder.add(start, emit.builder.mul(step, INT(count)))
    return start


def emit_tiles(emit: Emitter, *numbers: Any) -> None:
    """Bᵀ d B."""
    emit_row(emit, B_T, Row(*numbers))


def emit_tiles_of_dy(emit: Emitter, *numbers: Any) -> None:
    """A dy Aᵀ."""
    emit_row(emit, A, Row(*numbers))


def emit_kernel(emit: Emitter, *numbers: Any) -> None:
    """G g Gᵀ."""
    emit_row(emit, G, Row(*numbers))


def emit_row(emit: Emitter, matrix: Any, row: Row) -> None:
    """matrix · tile · matrixᵀ for every vector of every tile."""
    side = range(len(matrix[0]))
    with each_vector(emit, row) as (source, target):
        tile = [
            [emit.load(address_of(emit, source, (row.down, i), (row.right, j))) for j in side]
            for i in side
        ]
        for i, line in enumerate(combined(emit, matrix, tile)):
            for j, value in enumerate(line):
                emit.store(value, address_of(emit, target, (row.place, 4 * i + j)))


def emit_tiles_back(emit: Emitter, *numbers: Any) -> None:
    """Aᵀ m A, plus the bias."""
    row, side = RowBack(*numbers), range(4)
    everything = ir.Constant(emit.mask, [1] * emit.lanes)
    bias, (mask,) = emit.given_or_zero(row.bias, row.source, [everything])
    with each_vector(emit, row, bias) as (source, target, bias):
        places = [
            [emit.load(address_of(emit, source, (row.place, 4 * i + j))) for j in side]
            for i in side
        ]
        added = emit.load(bias, mask)
        for i, line in enumerate(combined(emit, A_T, places)):
            for j, value in enumerate(line):
                address = address_of(emit, target, (row.down, i), (row.right, j))
                emit.store(emit.builder.fadd(value, added), address)


@contextmanager
def each_vector(emit: Emitter, row: Any, *others: Any) -> Iterator[Any]:
    """Code for every vector of every tile: where it begins in source and target, and in others
    that have the same for all tiles."""
    builder = emit.builder
    with emit.loop(row.tiles) as tile, emit.loop(row.vectors) as vector:
        beyond = builder.mul(vector.index, INT(VECTOR_BYTES))
        starts = [
            builder.add(row.source, builder.mul(tile.index, row.next_source)),
            builder.add(row.target, builder.mul(tile.index, row.next_target)),
            *others,
        ]
        yield [builder.add(start, beyond) for start in starts]


transform_tiles = vector_function("winograd_tiles", emit_tiles)
transform_tiles_of_dy = vector_function("winograd_tiles_of_dy", emit_tiles_of_dy)
transform_tiles_back = vector_function("winograd_tiles_back", emit_tiles_back)
transform_kernel = vector_function("winograd_kernel", emit_kernel)
