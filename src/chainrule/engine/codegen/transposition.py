"""Matrices transposed in registers, as many rows and columns at a time as a vector has lanes."""

from __future__ import annotations

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
    """y = xᵀ."""
    builder, (x, x_row, y, y_row, rows, columns, width) = emit.builder, Transposition(*numbers)
    lanes = INT(emit.lanes)
    blocks = builder.udiv(builder.add(columns, INT(emit.lanes - 1)), lanes)
    width_mask = emit.masks(width, 1)[0]
    nothing = ir.Constant(emit.mask, [0] * emit.lanes)
    with emit.loop(blocks) as block:
        first = builder.mul(block.index, lanes)
        left = builder.sub(columns, first)
        mask = emit.masks(left, 1)[0]
        start = builder.add(x, builder.mul(block.index, INT(VECTOR_BYTES)))
        vectors = []
        for row in range(emit.lanes):
            exists = builder.icmp_signed("<", INT(row), rows)
            offset = builder.select(exists, builder.mul(x_row, INT(row)), INT(0))
            row_mask = builder.select(exists, mask, nothing)
            vectors.append(emit.load(builder.add(start, offset), row_mask))
        start = builder.add(y, builder.mul(first, y_row))
        for row, vector in enumerate(transposed(emit, vectors)):
            with builder.if_then(builder.icmp_signed("<", INT(row), left)):
                emit.store(vector, builder.add(start, builder.mul(y_row, INT(row))), width_mask)


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
