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

from collections.abc import Callable
from typing import Any

from numba.core import cgutils

from chainrule.engine.column import VECTOR_BYTES
from chainrule.engine.emitter import INT, Emitter, vector_function

Sums = list[list[Any]]


def make_tile(kind: Callable[..., None], rows: int, columns: int) -> Callable[..., Any]:
    """The function that works out one tile of C, of so many rows and columns or vectors.

    It takes addresses, strides in bytes, and counts: a, the addresses of `rows` row_offsets and of
    the segments, the number of segments and the steps in each, the bytes from step to step; b and
    the bytes of its row; c and the bytes of its row; how many rows of the tile exist; and one more
    that depends on its kind.
    """

    def body(emit: Emitter, *given: Any) -> None:
        *product, c, c_row, existing, last = given
        kind(emit, rows, columns, product, c, c_row, existing, last)

    return vector_function(f"{kind.__name__}_tile_{rows}_{columns}", body)


def plain(
    emit: Emitter,
    rows: int,
    columns: int,
    product: Any,
    c: Any,
    c_row: Any,
    existing: Any,
    last: Any,
) -> None:
    """C += A B for `columns` vectors of C; the last argument says how many of its columns exist."""
    masks = emit.masks(last, columns)

    def right(b_now: Any, column: int) -> Any:
        return emit.load(emit.builder.add(b_now, INT(column * VECTOR_BYTES)), masks[column])

    sums = sum_products(emit, rows, columns, product, emit.broadcast, right, {})
    for row, start in existing_rows(emit, rows, c, c_row, existing):
        for column in range(columns):
            address = emit.builder.add(start, INT(column * VECTOR_BYTES))
            total = emit.builder.fadd(
                emit.load(address, masks[column]), emit.builder.load(sums[row][column])
            )
            emit.store(total, address, masks[column])


def each(
    emit: Emitter,
    rows: int,
    columns: int,
    product: Any,
    c: Any,
    c_row: Any,
    existing: Any,
    last: Any,
) -> None:
    """C = bias + A B, where A and C hold a vector of examples for each of their numbers, and B and
    the bias, whose address comes last, plain numbers."""
    builder = emit.builder

    def right(b_now: Any, column: int) -> Any:
        return emit.broadcast(builder.add(b_now, INT(column * emit.bytes)))

    first = {column: right(last, column) for column in range(columns)}
    sums = sum_products(emit, rows, columns, product, emit.load_all, right, first)
    for row, start in existing_rows(emit, rows, c, c_row, existing):
        for column in range(columns):
            address = builder.add(start, INT(column * VECTOR_BYTES))
            emit.store_all(builder.load(sums[row][column]), address)


def over(
    emit: Emitter,
    rows: int,
    columns: int,
    product: Any,
    c: Any,
    c_row: Any,
    existing: Any,
    last: Any,
) -> None:
    """C += A B, where A and B hold a vector of examples for each of their numbers, and C plain
    numbers."""
    builder = emit.builder

    def right(b_now: Any, column: int) -> Any:
        return emit.load_all(builder.add(b_now, INT(column * VECTOR_BYTES)))

    sums = sum_products(emit, rows, columns, product, emit.load_all, right, {})
    for row, start in existing_rows(emit, rows, c, c_row, existing):
        for column in range(columns):
            total = emit.sum_of_lanes(builder.load(sums[row][column]))
            emit.add_to(total, builder.add(start, INT(column * emit.bytes)))


def sum_products(
    emit: Emitter,
    rows: int,
    columns: int,
    product: Any,
    left: Callable[[Any], Any],
    right: Callable[[Any, int], Any],
    first: dict[int, Any],
) -> Sums:
    """The loops over segments and over the steps of each; where LLVM finds the sums.

    `left` loads a number of A, `right` one of a row of B; `first` is what each column's sums begin
    with, zero unless given.
    """
    a, row_offsets, segments, segment_count, length, step, b, b_row = product
    builder = emit.builder
    starts = [
        builder.add(a, emit.integer_at(builder.add(row_offsets, INT(8 * row))))
        for row in range(rows)
    ]
    sums = [
        [cgutils.alloca_once(builder, emit.vector) for _ in range(columns)] for _ in range(rows)
    ]
    for sums_of_row in sums:
        for column, place in enumerate(sums_of_row):
            builder.store(first.get(column, emit.zero), place)
    b_place, a_place = cgutils.alloca_once(builder, INT), cgutils.alloca_once(builder, INT)
    builder.store(b, b_place)
    with emit.loop(segment_count) as segment:
        offset = builder.mul(segment.index, INT(8))
        builder.store(emit.integer_at(builder.add(segments, offset)), a_place)
        with emit.loop(length):
            a_now, b_now = builder.load(a_place), builder.load(b_place)
            lefts = [lambda row=row: left(builder.add(starts[row], a_now)) for row in range(rows)]
            rights = [lambda column=column: right(b_now, column) for column in range(columns)]
            add_products(emit, lefts, rights, sums)
            builder.store(builder.add(a_now, step), a_place)
            builder.store(builder.add(b_now, b_row), b_place)
    return sums


def add_products(
    emit: Emitter, lefts: list[Callable[[], Any]], rights: list[Callable[[], Any]], sums: Sums
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


def existing_rows(emit: Emitter, rows: int, c: Any, c_row: Any, existing: Any) -> Any:
    """Every row that exists with its address, in code that is passed by where it does not."""
    for row in range(rows):
        with emit.builder.if_then(emit.builder.icmp_signed("<", INT(row), existing)):
            yield row, emit.builder.add(c, emit.builder.mul(c_row, INT(row)))
