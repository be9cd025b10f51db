"""Matrix products, cut into tiles.

All sizes are counts, all strides bytes, all matrices addresses. Every product is added to a
matrix S: to C itself, the gradient so far; to a bias, whose rows are all the same; or, without an
address, to zeros.
"""

from __future__ import annotations

from typing import Any

from chainrule.engine.codegen.native import kernel, pointer, size_of
from chainrule.engine.codegen.processor import SUMS, VECTOR_BYTES
from chainrule.engine.codegen.tile import make_tile, plain

TILE_ROWS = SUMS // 2
FEW_ROWS = 4
BLOCK_ROWS = 96  # whole tiles of them
BLOCK_DEPTH = 512

wide_tile, narrow_tile = make_tile(plain, TILE_ROWS, 2), make_tile(plain, TILE_ROWS, 1)
low_tile, small_tile = make_tile(plain, FEW_ROWS, 2), make_tile(plain, FEW_ROWS, 1)


@kernel
def multiply(
    a: int,
    row_table: int,
    row_step: int,
    segments: int,
    segment_count: int,
    length: int,
    step: int,
    b: int,
    b_row: int,
    b_panel: int,
    c: int,
    c_row: int,
    start: int,
    start_row: int,
    rows: int,
    columns: int,
    reach: int,
    scratch: int,
    like: Any,
) -> None:
    """C = S + A B, tile by tile; see `tile` for how A and S lie. Row i of A begins at
    ``a + i · row_step``, or where there is a `row_table`, at ``a + row_table[i]``; the columns of B
    for one tile lie `b_panel` bytes behind those for the one before; `reach` is explained in
    `reached`. Rows are taken as many at a time as leave room in the cache."""
    offsets = pointer(scratch, 0)
    lanes = VECTOR_BYTES // size_of(like)
    for block in range(0, rows, BLOCK_ROWS):
        for panel in range((columns + 2 * lanes - 1) // (2 * lanes)):
            j = panel * 2 * lanes
            width = min(columns - j, 2 * lanes)
            i = block
            while i < min(block + BLOCK_ROWS, rows):
                left = rows - i
                height = FEW_ROWS if left <= FEW_ROWS else TILE_ROWS
                at_offsets = scratch
                if row_table and left >= height:
                    at_offsets = row_table + i * 8
                else:
                    for r in range(height):  # rows that do not exist repeat the last one that does
                        row = i + min(r, left - 1)
                        offsets[r] = pointer(row_table, 0)[row] if row_table else row * row_step
                first, stop = reached(reach, i, min(left, height), segment_count)
                at_start = start + i * start_row + j * size_of(like) if start else 0
                tile = (
                    a, at_offsets, segments + first * 8, stop - first, length, step,
                    b + first * length * b_row + panel * b_panel, b_row,
                    c + i * c_row + j * size_of(like), c_row, left, width,
                    at_start, start_row,
                )  # fmt: skip
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
def reached(reach: int, row: int, count: int, segment_count: int) -> Any:
    """The segments [first, stop) that rows of A have anything but zeros in: all of them, or where
    there is a table, from its first entry for the last of the rows to its second for the first, as
    windows reach beyond the upper border of an image first and beyond the lower one last."""
    if reach == 0:
        return 0, segment_count
    table = pointer(reach, 0)
    return table[2 * (row + count - 1)], table[2 * row + 1]


@kernel
def multiply_plain(
    a: int,
    row_step: int,
    step: int,
    depth: int,
    b: int,
    b_row: int,
    b_panel: int,
    c: int,
    c_row: int,
    start: int,
    start_row: int,
    rows: int,
    columns: int,
    scratch: int,
    like: Any,
) -> None:
    """C = S + A B for A[i, k] at ``a + i · row_step + k · step``, some k at a time: what a tile
    reads of B then stays in the cache for the next one."""
    segment = scratch + 8 * TILE_ROWS
    pointer(segment, 0)[0] = 0
    blocks = (depth + BLOCK_DEPTH - 1) // BLOCK_DEPTH
    length = (depth + blocks - 1) // blocks
    for k in range(0, depth, length):
        at_start, at_start_row = (c, c_row) if k else (start, start_row)
        multiply(
            a + k * step, 0, row_step, segment, 1, min(depth - k, length), step,
            b + k * b_row, b_row, b_panel, c, c_row, at_start, at_start_row, rows, columns, 0,
            scratch, like,
        )  # fmt: skip
