"""Matrix products over interleaved examples, cut into tiles: every number of A is a vector of
examples, and so is every number of C, or of B.

All sizes are counts, all strides bytes, all matrices addresses.
"""

from __future__ import annotations

from typing import Any

from chainrule.engine.codegen.interleaved_tiles import (
    TileOperands,
    each_example,
    make_tile,
    over_examples,
)
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import pointer, size_of
from chainrule.engine.codegen.processor import SUMS, VECTOR_BYTES
from chainrule.engine.codegen.products import Left, Result, Right, reached
from chainrule.engine.program.instructions import Private

MOST_ROWS = 16  # of a tile


def interleaved_scratch(item: int) -> Private:
    """The memory that a product needs, of numbers of `item` bytes."""
    return Private(8 * MOST_ROWS // item, lasts=False)


@kernel
def widest_tile(columns: int) -> int:
    """How many of the columns that are left a tile of vectors of examples takes."""
    if columns >= 6:
        return 8 if columns >= 8 else 6
    if columns >= 2:
        return 4 if columns >= 4 else 2
    return 1


@kernel
def tile_rows(width: int) -> int:
    """The rows of a tile of so many columns."""
    return min(SUMS // width, MOST_ROWS)


def make_interleaved_product(kind: Any) -> Any:
    """The product of matrices by tiles of this kind, `each_example` or `over_examples`: the numbers
    of A are vectors of examples, and so are those of C or of B."""
    tile_8, tile_6, tile_4, tile_2, tile_1 = (
        make_tile(kind, tile_rows(width), width) for width in (8, 6, 4, 2, 1)
    )
    sums_examples = kind is over_examples

    @kernel
    def multiply_interleaved(a: Left, b: Right, c: Result, scratch: int, like: Any) -> None:
        """C = bias + A B, or C += A B over all examples."""
        offsets, item = pointer(scratch, 0), size_of(like)
        b_column, c_column = (VECTOR_BYTES, item) if sums_examples else (item, VECTOR_BYTES)
        j = 0
        while j < c.columns:
            width = widest_tile(c.columns - j)
            height = tile_rows(width)
            for i in range(0, c.rows, height):
                left = min(c.rows - i, height)
                row_offsets = a.row_table + i * 8
                if left < height:
                    row_offsets = scratch
                    for r in range(height):  # rows that do not exist repeat the last one that does
                        offsets[r] = pointer(a.row_table, 0)[i + min(r, left - 1)]
                first, stop = reached(a, 0, a.segment_count, i, left)
                tile = TileOperands(
                    a=a.address,
                    row_offsets=row_offsets,
                    segments=a.segments + first * 8,
                    segment_count=stop - first,
                    length=a.length,
                    step=a.step,
                    b=b.address + first * a.length * b.row + j * b_column,
                    b_row=b.row,
                    c=c.address + i * c.row + j * c_column,
                    c_row=c.row,
                    existing_rows=left,
                    bias=c.start + j * item,
                )
                if width == 8:
                    tile_8(tile, like)
                elif width == 6:
                    tile_6(tile, like)
                elif width == 4:
                    tile_4(tile, like)
                elif width == 2:
                    tile_2(tile, like)
                else:
                    tile_1(tile, like)
            j += width

    return multiply_interleaved


multiply_each_example = make_interleaved_product(each_example)
multiply_over_examples = make_interleaved_product(over_examples)
