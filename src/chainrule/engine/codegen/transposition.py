"""Matrices transposed in registers, as many rows and columns at a time as a vector has lanes."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

from chainrule.engine.codegen.emitter import INT, SHORT, Emitter, vector_function
from chainrule.engine.codegen.kernel import ir, kernel
from chainrule.engine.codegen.native import size_of
from chainrule.engine.codegen.processor import VECTOR_BYTES
from chainrule.engine.codegen.products import panel_of


class Transposition(NamedTuple):
    """What y[j, i] = x[i, j] needs, for no more rows than a vector has lanes, and any number of
    columns. Of each row of y, `width` numbers are written, zeros for rows that do not exist."""

    x: int
    x_row: int
    y: int
    y_row: int
    rows: int
    columns: int
    width: int


def transpose_rows(emit: Emitter, *numbers: Any) -> None:
    """y = xᵀ. Masks, which are slow with AVX2, only where some rows or columns do not exist."""
    builder, given, lanes = emit.builder, Transposition(*numbers), INT(emit.lanes)
    rows_and_width = builder.and_(given.rows, given.width)  # both are `lanes` at most
    all_exist = builder.icmp_signed("==", rows_and_width, lanes)
    whole = builder.and_(given.columns, INT(-emit.lanes))
    whole = builder.select(all_exist, whole, INT(0))
    left = builder.sub(given.columns, whole)
    at = emit.carry(whole, [given.x, given.y], partial(transpose_whole, emit, given), emit.lanes)
    emit.carry(left, [*at, left], partial(transpose_part, emit, given), emit.lanes)


def transpose_whole(emit: Emitter, given: Transposition, x: Any, y: Any) -> list[Any]:
    """As many rows and columns as a vector has lanes, all of which exist; returns where the next
    ones lie."""
    builder, vectors = emit.builder, []
    at = x
    for _ in range(emit.lanes):
        vectors.append(emit.load(at, None))
        at = builder.add(at, given.x_row)
    for vector in transposed(emit, vectors):
        emit.store(vector, y, None)
        y = builder.add(y, given.y_row)
    return [emit.beyond(x, VECTOR_BYTES), y]


def transpose_part(emit: Emitter, given: Transposition, x: Any, y: Any, left: Any) -> list[Any]:
    """The same, of rows and columns those that exist: of columns there are `left`."""
    builder, vectors = emit.builder, []
    nothing = ir.Constant(emit.mask, [0] * emit.lanes)
    mask, width_mask = emit.masks(left, 1)[0], emit.masks(given.width, 1)[0]
    for row in range(emit.lanes):
        exists = builder.icmp_signed("<", INT(row), given.rows)
        offset = builder.select(exists, builder.mul(given.x_row, INT(row)), INT(0))
        row_mask = builder.select(exists, mask, nothing)
        vectors.append(emit.load(builder.add(x, offset), row_mask))
    for row, vector in enumerate(transposed(emit, vectors)):
        with builder.if_then(builder.icmp_signed("<", INT(row), left)):
            emit.store(vector, y, width_mask)
        y = builder.add(y, given.y_row)
    return [emit.beyond(x, VECTOR_BYTES), y, builder.sub(left, INT(emit.lanes))]


def transposed(emit: Emitter, vectors: list[Any]) -> list[Any]:
    """As many vectors as each has lanes, as the columns of what they are the rows of: quarters of
    the matrix, and quarters of these, change places."""
    vectors, step = list(vectors), emit.lanes // 2
    while step:
        for row in range(emit.lanes):
            if not row & step:
                above, below = vectors[row], vectors[row + step]
                lanes = range(emit.lanes)
                upper = [lane if not lane & step else emit.lanes + lane - step for lane in lanes]
                lower = [lane + step if not lane & step else emit.lanes + lane for lane in lanes]
                vectors[row] = chosen(emit, above, below, upper)
                vectors[row + step] = chosen(emit, above, below, lower)
        step //= 2
    return vectors


def chosen(emit: Emitter, a: Any, b: Any, lanes: list[int]) -> Any:
    """A vector of lanes of two, those of the second counted on."""
    order = ir.Constant(ir.VectorType(SHORT, len(lanes)), lanes)
    return emit.builder.shuffle_vector(a, b, order)


transpose = vector_function("transpose_rows", transpose_rows)


@kernel
def transpose_into_panels(
    x: int, begin: int, end: int, rows: int, columns: int, panels: int, like: Any
) -> None:
    """Rows [begin, end) of a matrix of so many rows and columns, at address x, as columns of the
    panels that a product reads, see `products.panel_of`."""
    item, row = size_of(like), begin
    lanes = VECTOR_BYTES // item
    while row < end:
        count = min(end - row, lanes - row % lanes)
        first, width = panel_of(row, rows, item)
        stretch = Transposition(
            x=x + row * columns * item,
            x_row=columns * item,
            y=panels + (first * columns + row - first) * item,
            y_row=width * item,
            rows=count,
            columns=columns,
            width=count,
        )
        transpose(stretch, like)
        row += count
