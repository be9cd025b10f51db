"""Matrix products, cut into tiles.

All sizes are counts, all strides bytes, all matrices addresses. Every product is added to a
matrix S: to C itself, the gradient so far; to a bias, whose rows are all the same; or, without an
address, to zeros.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from chainrule.engine.codegen.interleaved_tiles import (
    InterleavedOperands,
    PlainOperands,
    each_example,
    make_tile,
    over_examples,
    plain,
)
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import pointer, size_of
from chainrule.engine.codegen.processor import SUMS, VECTOR_BYTES
from chainrule.engine.program.records import SCRATCH

TILE_ROWS = SUMS // 2
FEW_ROWS = 4
BLOCK_ROWS = 96  # whole tiles of them
BLOCK_DEPTH = 512


class Windows(NamedTuple):
    """A left factor that may lie anywhere: A[i, (s, t)] at ``address + row_offset(i) +
    segments[s] + t · step``, see `tiles`.

    The offsets of its rows are those in `row_table`, or, where its address is 0, ``i · row``.
    `reach` is explained in `reached`.
    """

    address: int
    row_table: int
    row: int
    segments: int
    segment_count: int
    length: int  # steps in a segment
    step: int
    reach: int


class Matrix(NamedTuple):
    """A matrix whose rows, or whose columns, lie evenly apart."""

    address: int
    row: int
    column: int


class Panels(NamedTuple):
    """A right factor: the columns for one tile lie `panel` bytes behind those for the last."""

    address: int
    row: int
    panel: int


class Result(NamedTuple):
    """Where C lies, and S, which the product is added to; without an address, S is zero."""

    address: int
    row: int
    start: int
    start_row: int
    rows: int
    columns: int


wide_tile = make_tile(plain, PlainOperands, TILE_ROWS, 2)
narrow_tile = make_tile(plain, PlainOperands, TILE_ROWS, 1)
low_tile = make_tile(plain, PlainOperands, FEW_ROWS, 2)
small_tile = make_tile(plain, PlainOperands, FEW_ROWS, 1)


@kernel
def multiply_windows(a: Windows, b: Panels, c: Result, scratch: int, like: Any) -> None:
    """C = S + A B, tile by tile. Rows are taken as many at a time as leave room in the cache."""
    offsets = pointer(scratch, 0)
    lanes = VECTOR_BYTES // size_of(like)
    for block in range(0, c.rows, BLOCK_ROWS):
        for panel in range((c.columns + 2 * lanes - 1) // (2 * lanes)):
            j = panel * 2 * lanes
            width = min(c.columns - j, 2 * lanes)
            i = block
            while i < min(block + BLOCK_ROWS, c.rows):
                left = c.rows - i
                height = FEW_ROWS if left <= FEW_ROWS else TILE_ROWS
                row_offsets = scratch
                if a.row_table and left >= height:
                    row_offsets = a.row_table + i * 8
                else:
                    for r in range(height):  # rows that do not exist repeat the last one that does
                        row = i + min(r, left - 1)
                        offsets[r] = pointer(a.row_table, 0)[row] if a.row_table else row * a.row
                first, stop = reached(a, i, min(left, height))
                tile = PlainOperands(
                    a=a.address,
                    row_offsets=row_offsets,
                    segments=a.segments + first * 8,
                    segment_count=stop - first,
                    length=a.length,
                    step=a.step,
                    b=b.address + first * a.length * b.row + panel * b.panel,
                    b_row=b.row,
                    c=c.address + i * c.row + j * size_of(like),
                    c_row=c.row,
                    existing_rows=left,
                    existing_columns=width,
                    start=c.start + i * c.start_row + j * size_of(like) if c.start else 0,
                    start_row=c.start_row,
                )
                if height == FEW_ROWS:
                    if width <= lanes:
                        small_tile(tile, like)
                    else:
                        low_tile(tile, like)
                elif width <= lanes:
                    narrow_tile(tile, like)
                else:
                    wide_tile(tile, like)
                i += height


@kernel
def reached(a: Windows, row: int, count: int) -> Any:
    """The segments [first, stop) that rows of A have anything but zeros in: all of them, or where
    there is a table, from its first entry for the last of the rows to its second for the first, as
    windows reach beyond the upper border of an image first and beyond the lower one last."""
    if a.reach == 0:
        return 0, a.segment_count
    table = pointer(a.reach, 0)
    return table[2 * (row + count - 1)], table[2 * row + 1]


@kernel
def multiply(a: Matrix, depth: int, b: Panels, c: Result, scratch: int, like: Any) -> None:
    """C = S + A B for a plain or a transposed A of so many columns, some of them at a time: what a
    tile reads of B then stays in the cache for the next one."""
    segment = scratch + 8 * TILE_ROWS
    pointer(segment, 0)[0] = 0
    blocks = (depth + BLOCK_DEPTH - 1) // BLOCK_DEPTH
    length = (depth + blocks - 1) // blocks
    for k in range(0, depth, length):
        start, start_row = (c.address, c.row) if k else (c.start, c.start_row)
        multiply_windows(
            Windows(
                address=a.address + k * a.column,
                row_table=0,
                row=a.row,
                segments=segment,
                segment_count=1,
                length=min(depth - k, length),
                step=a.column,
                reach=0,
            ),
            Panels(b.address + k * b.row, b.row, b.panel),
            Result(c.address, c.row, start, start_row, c.rows, c.columns),
            scratch,
            like,
        )


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
    return min(SUMS // width, SCRATCH)


def make_interleaved_product(kind: Any) -> Any:
    """The product of matrices by tiles of this kind, `each_example` or `over_examples`: the numbers
    of A are vectors of examples, and so are those of C or of B."""
    tile_8, tile_6, tile_4, tile_2, tile_1 = (
        make_tile(kind, InterleavedOperands, tile_rows(width), width) for width in (8, 6, 4, 2, 1)
    )
    sums_examples = kind is over_examples

    @kernel
    def multiply_interleaved(a: Windows, b: Panels, c: Result, scratch: int, like: Any) -> None:
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
                first, stop = reached(a, i, left)
                tile = InterleavedOperands(
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
