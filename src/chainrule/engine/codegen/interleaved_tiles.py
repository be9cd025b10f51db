"""The innermost loops of products over interleaved examples, in registers.

Where examples are interleaved (see `operations.interleave`), every number of an image is a vector
of them. A tile of C = A B is summed over k while it stays in the processor's registers: for each k
some vectors of a column of A times some numbers of a row of B, or some vectors. B needs rows that
lie evenly apart; A may lie anywhere,

    A[i, (s, t)] at  a + row_offsets[i] + segments[s] + t · step,

as the windows of an image do. There are two kinds of tiles: `each_example` multiplies all examples
by the same weights, `over_examples` sums over them too.

Written with LLVM's vector types, since no loop in Python says "keep these 24 sums in registers".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from chainrule.engine.codegen.emitter import INT, Emitter, vector_function
from chainrule.engine.codegen.kernel import Intrinsic
from chainrule.engine.codegen.processor import VECTOR_BYTES

Sums = list[list[Any]]


class TileOperands(NamedTuple):
    """What a tile is given: addresses, strides in bytes, and counts. Only `each_example` begins
    with a bias."""

    a: int
    row_offsets: int
    segments: int
    segment_count: int
    length: int  # steps in a segment
    step: int
    b: int
    b_row: int
    c: int
    c_row: int
    existing_rows: int
    bias: int


@dataclass(frozen=True)
class Tile:
    """A tile in code that is being emitted: its size, and what it is given."""

    emit: Emitter
    rows: int
    columns: int
    given: TileOperands


def make_tile(kind: Callable[[Tile], None], rows: int, columns: int) -> Intrinsic:
    """The function that works out one tile of C, of so many rows and columns, given its
    operands."""

    def body(emit: Emitter, *given: Any) -> None:
        kind(Tile(emit, rows, columns, TileOperands(*given)))

    return vector_function(f"{kind.__name__}_tile_{rows}_{columns}", body)


def each_example(tile: Tile) -> None:
    """C = bias + A B, where A and C hold a vector of examples for each of their numbers, and B and
    the bias plain numbers."""
    emit = tile.emit

    def right(b_now: Any, column: int) -> Any:
        return emit.broadcast(emit.builder.add(b_now, INT(column * emit.bytes)))

    biases = [right(tile.given.bias, column) for column in range(tile.columns)]
    sums = sum_products(tile, emit.load, right, lambda row, column: biases[column])
    store_sums(tile, sums)


def over_examples(tile: Tile) -> None:
    """C += A B, where A and B hold a vector of examples for each of their numbers, and C plain
    numbers."""
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
    emit, builder, given = tile.emit, tile.emit.builder, tile.given
    starts = [
        builder.add(given.a, emit.integer_at(builder.add(given.row_offsets, INT(8 * row))))
        for row in range(tile.rows)
    ]
    sums = [
        [emit.variable(first(row, column)) for column in range(tile.columns)]
        for row in range(tile.rows)
    ]
    a_offset, b_address = emit.variable(INT(0)), emit.variable(given.b)
    with emit.loop(given.segment_count) as segment:
        offset = builder.mul(segment.index, INT(8))
        builder.store(emit.integer_at(builder.add(given.segments, offset)), a_offset)
        with emit.loop(given.length):
            a_now, b_now = builder.load(a_offset), builder.load(b_address)
            lefts = [partial(left, builder.add(start, a_now)) for start in starts]
            rights = [partial(right, b_now, column) for column in range(tile.columns)]
            add_products(emit, lefts, rights, sums)
            builder.store(builder.add(a_now, given.step), a_offset)
            builder.store(builder.add(b_now, given.b_row), b_address)
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
    for load, totals in zip(lefts, sums, strict=True):
        value = load()
        for total, other in zip(totals, held, strict=True):
            product = emit.multiply_add(value, other, emit.builder.load(total))
            emit.builder.store(product, total)


def existing_rows(tile: Tile) -> Iterator[tuple[int, Any]]:
    """Every row that exists with its address, in code that is passed by where it does not."""
    builder = tile.emit.builder
    for row in range(tile.rows):
        with builder.if_then(builder.icmp_signed("<", INT(row), tile.given.existing_rows)):
            yield row, builder.add(tile.given.c, builder.mul(tile.given.c_row, INT(row)))


def store_sums(tile: Tile, sums: Sums) -> None:
    """C = the sums, vector by vector."""
    emit = tile.emit
    for row, start in existing_rows(tile):
        for column, total in enumerate(sums[row]):
            value = emit.builder.load(total)
            emit.store(value, emit.builder.add(start, INT(column * VECTOR_BYTES)))
