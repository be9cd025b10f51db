"""The innermost loops of every matrix product, in registers.

A tile of C = A B is summed over k while it stays in the processor's registers: for each k some
numbers of a column of A times some of a row of B. B needs rows that lie evenly apart; A may lie
anywhere,

    A[i, (s, t)] at  a + row_offsets[i] + segments[s] + t · step,

which makes a plain matrix, a transposed one, and the windows of an image the same thing: a
convolution needs no copy of its patches.

There are three kinds. In a `plain` tile, a vector's lanes are neighbouring columns of B and of C.
In the two others they are examples that lie side by side (see `lanes`): `each` multiplies all of
them by the same weights, `over` sums over them too.

Written with LLVM's vector types, since no loop in Python says "keep these 24 sums in registers".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from numba.core import cgutils

from chainrule.engine.codegen.emitter import INT, Emitter, vector_function
from chainrule.engine.codegen.processor import VECTOR_BYTES

Sums = list[list[Any]]


@dataclass(frozen=True)
class Tile:
    """A tile in code that is being emitted: its size, the eight numbers that say where A and B lie
    (see `make_tile`), and where C lies and how many of its rows exist."""

    emit: Emitter
    rows: int
    columns: int
    product: Sequence[Any]
    c: Any
    c_row: Any
    existing: Any


def make_tile(kind: Callable[..., None], rows: int, columns: int) -> Callable[..., Any]:
    """The function that works out one tile of C, of so many rows and columns or vectors.

    It takes addresses, strides in bytes, and counts: a, the addresses of `rows` row_offsets and of
    the segments, the number of segments and the steps in each, the bytes from step to step; b and
    the bytes of its row; c and the bytes of its row; how many rows of the tile exist; and what its
    kind needs besides.
    """

    def body(emit: Emitter, *given: Any) -> None:
        kind(Tile(emit, rows, columns, given[:8], *given[8:11]), *given[11:])

    return vector_function(f"{kind.__name__}_tile_{rows}_{columns}", body)


def plain(tile: Tile, existing_columns: Any, start: Any, start_row: Any) -> None:
    """C = S + A B for `columns` vectors of C, of which so many single columns exist. Row i of S
    lies at ``start + i · start_row``; without an address, S is zero."""
    emit, columns, builder = tile.emit, tile.columns, tile.emit.builder
    masks = emit.masks(existing_columns, columns)
    start, start_masks = emit.given_or_zero(start, tile.c, masks)
    last_row = builder.sub(tile.existing, INT(1))

    def first(row: int, column: int) -> Any:
        exists = builder.icmp_signed("<", INT(row), tile.existing)
        offset = builder.mul(start_row, builder.select(exists, INT(row), last_row))
        at = builder.add(start, builder.add(offset, INT(column * VECTOR_BYTES)))
        return emit.load(at, start_masks[column])

    def right(b_now: Any, column: int) -> Any:
        return emit.load(builder.add(b_now, INT(column * VECTOR_BYTES)), masks[column])

    sums = sum_products(tile, emit.broadcast, right, first)
    width = INT(columns * emit.lanes)
    with builder.if_else(builder.icmp_signed("==", existing_columns, width)) as (whole, part):
        with whole:  # stores without a mask are faster
            store(tile, sums, [None] * columns)
        with part:
            store(tile, sums, masks)


def each(tile: Tile, bias: Any) -> None:
    """C = bias + A B, where A and C hold a vector of examples for each of their numbers, and B and
    the bias plain numbers."""
    emit = tile.emit

    def right(b_now: Any, column: int) -> Any:
        return emit.broadcast(emit.builder.add(b_now, INT(column * emit.bytes)))

    biases = [right(bias, column) for column in range(tile.columns)]
    sums = sum_products(tile, emit.load, right, lambda row, column: biases[column])
    store(tile, sums, [None] * tile.columns)


def over(tile: Tile, bias: Any) -> None:
    """C += A B, where A and B hold a vector of examples for each of their numbers, and C plain
    numbers. A bias has no place here; it is an argument since `each` has one."""
    emit, builder = tile.emit, tile.emit.builder

    def right(b_now: Any, column: int) -> Any:
        return emit.load(builder.add(b_now, INT(column * VECTOR_BYTES)))

    sums = sum_products(tile, emit.load, right, lambda row, column: emit.zero)
    for row, start in existing_rows(tile):
        for column in range(tile.columns):
            total = emit.sum_of_lanes(builder.load(sums[row][column]))
            emit.add_to(total, builder.add(start, INT(column * emit.bytes)))


def sum_products(
    tile: Tile,
    left: Callable[[Any], Any],
    right: Callable[[Any, int], Any],
    first: Callable[[int, int], Any],
) -> Sums:
    """The loops over segments and over the steps of each; where LLVM finds the sums.

    `left` loads a number of A, `right` one of a row of B, and `first` what a sum begins with.
    """
    a, row_offsets, segments, segment_count, length, step, b, b_row = tile.product
    emit, builder = tile.emit, tile.emit.builder
    starts = [
        builder.add(a, emit.integer_at(builder.add(row_offsets, INT(8 * row))))
        for row in range(tile.rows)
    ]
    sums = [
        [cgutils.alloca_once(builder, emit.vector) for _ in range(tile.columns)]
        for _ in range(tile.rows)
    ]
    for row, sums_of_row in enumerate(sums):
        for column, place in enumerate(sums_of_row):
            builder.store(first(row, column), place)
    b_place, a_place = cgutils.alloca_once(builder, INT), cgutils.alloca_once(builder, INT)
    builder.store(b, b_place)
    with emit.loop(segment_count) as segment:
        offset = builder.mul(segment.index, INT(8))
        builder.store(emit.integer_at(builder.add(segments, offset)), a_place)
        with emit.loop(length):
            a_now, b_now = builder.load(a_place), builder.load(b_place)
            lefts = [partial(left, builder.add(start, a_now)) for start in starts]
            rights = [partial(right, b_now, column) for column in range(tile.columns)]
            add_products(emit, lefts, rights, sums)
            builder.store(builder.add(a_now, step), a_place)
            builder.store(builder.add(b_now, b_row), b_place)
    return sums


def add_products(
    emit: Emitter,
    lefts: Sequence[Callable[[], Any]],
    rights: Sequence[Callable[[], Any]],
    sums: Sums,
) -> None:
    """sums[i][j] += left_i right_j. The shorter list is held in registers, so that sums, that list
    and one number of the other fit into them."""
    if len(lefts) < len(rights):
        lefts, rights = rights, lefts
        sums = [list(column) for column in zip(*sums, strict=True)]
    held = [load() for load in rights]
    for load, places in zip(lefts, sums, strict=True):
        value = load()
        for place, other in zip(places, held, strict=True):
            total = emit.multiply_add(value, other, emit.builder.load(place))
            emit.builder.store(total, place)


def existing_rows(tile: Tile) -> Iterator[tuple[int, Any]]:
    """Every row that exists with its address, in code that is passed by where it does not."""
    builder = tile.emit.builder
    for row in range(tile.rows):
        with builder.if_then(builder.icmp_signed("<", INT(row), tile.existing)):
            yield row, builder.add(tile.c, builder.mul(tile.c_row, INT(row)))


def store(tile: Tile, sums: Sums, masks: Sequence[Any]) -> None:
    """C = the sums, vector by vector."""
    emit = tile.emit
    for row, start in existing_rows(tile):
        for column, mask in enumerate(masks):
            value = emit.builder.load(sums[row][column])
            emit.store(value, emit.builder.add(start, INT(column * VECTOR_BYTES)), mask)
