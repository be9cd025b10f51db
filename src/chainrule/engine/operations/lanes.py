"""Convolutions of a few channels: an example in every lane of the processor's vectors.

Six channels fill six of a vector's sixteen lanes. Where images are as narrow as that, examples are
laid side by side, as many as a vector has lanes:

    x[group, pixel, channel, example of the group].

A group is then one image whose channels are vectors. To pooling and to activations it is an example
like any other, only with more channels; convolution takes tiles of its own. What lies in the lanes
that the last examples leave over is zero where it enters, so that it adds nothing to a gradient.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.engine.codegen.native import kernel, pointer, size_of
from chainrule.engine.codegen.processor import SUMS, VECTOR_BYTES
from chainrule.engine.codegen.products import reached
from chainrule.engine.codegen.scene import Scene, read
from chainrule.engine.codegen.tile import each, make_tile, over
from chainrule.engine.codegen.transposing import turn
from chainrule.engine.operations.images import pad_image
from chainrule.engine.program import column
from chainrule.engine.program.instructions import Op


@kernel
def widest_tile(columns: int) -> int:
    """How many of the columns that are left to take at once."""
    if columns >= 6:
        return 8 if columns >= 8 else 6
    if columns >= 2:
        return 4 if columns >= 4 else 2
    return 1


@kernel
def tile_rows(width: int) -> int:
    """The rows of a tile of so many columns."""
    return min(SUMS // width, column.SCRATCH)


def make_multiply(kind: Callable[..., None]) -> Any:
    """The product of matrices by tiles of this kind, see `products.multiply`. Columns of B and of C
    lie `b_column` and `c_column` bytes apart; `bias` is for tiles that begin with one."""
    tile_8, tile_6, tile_4, tile_2, tile_1 = (
        make_tile(kind, tile_rows.py_func(width), width) for width in (8, 6, 4, 2, 1)
    )

    @kernel
    def multiply(
        a: int,
        row_table: int,
        segments: int,
        segment_count: int,
        length: int,
        step: int,
        b: int,
        b_row: int,
        b_column: int,
        c: int,
        c_row: int,
        c_column: int,
        rows: int,
        columns: int,
        bias: int,
        reach: int,
        scratch: int,
        like: Any,
    ) -> None:
        offsets = pointer(scratch, 0)
        j = 0
        while j < columns:
            width = widest_tile(columns - j)
            height = tile_rows(width)
            for i in range(0, rows, height):
                left = min(rows - i, height)
                at_offsets = row_table + i * 8
                if left < height:
                    at_offsets = scratch
                    for r in range(height):  # rows that do not exist repeat the last one that does
                        offsets[r] = pointer(row_table, 0)[i + min(r, left - 1)]
                first, stop = reached(reach, i, left, segment_count)
                tile = (
                    a, at_offsets, segments + first * 8, stop - first, length, step,
                    b + first * length * b_row + j * b_column, b_row,
                    c + i * c_row + j * c_column, c_row, left, bias + j * size_of(like),
                )  # fmt: skip
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

    return multiply


multiply_each = make_multiply(each)
multiply_over = make_multiply(over)


def handle_turn(task: int, like: Any) -> None:
    """Lay examples side by side, or apart again."""
    scene = read(task)
    item, size = size_of(like), scene.x_size
    lanes = VECTOR_BYTES // item
    for first in range(0, scene.rows, lanes):
        count, offset = min(scene.rows - first, lanes), first * size * item
        x, y = scene.x + offset, scene.y + offset
        if scene.op == Op.SIDE_BY_SIDE:
            turn((x, size * item, y, VECTOR_BYTES, count, size, lanes), like)
            continue
        for i in range(0, size, lanes):
            width = min(size - i, lanes)
            at = x + i * VECTOR_BYTES
            turn((at, VECTOR_BYTES, y + i * item, size * item, width, count, width), like)


def handle_convolution(task: int, like: Any) -> None:
    """Convolve, forward or back, or add up the kernels' gradient, group by group."""
    scene = read(task)
    item = size_of(like)
    for row in range(scene.rows):
        x, y = scene.x + row * scene.x_size * item, scene.y + row * scene.y_size * item
        if scene.op == Op.LANES_CONVOLVE:
            convolve(scene, x, y, like)
        else:
            add_kernel_gradient(scene, x, y, like)


@kernel
def convolve(scene: Scene, x: int, y: int, like: Any) -> None:
    """y = windows of x, times the weights, plus the bias."""
    item, size, array = size_of(like), scene.size, scene.array
    positions, outputs, groups = size[9], size[10], size[11]
    inner, columns = size[2] // groups, outputs // groups
    image = pad_image(scene, x, scene.private[0], like)
    for g in range(groups):
        multiply_each(
            image + g * inner * VECTOR_BYTES, array[2], array[3], size[12], size[13], VECTOR_BYTES,
            array[0] + g * size[14], size[15], item,
            y + g * columns * VECTOR_BYTES, outputs * VECTOR_BYTES, VECTOR_BYTES,
            positions, columns, array[1] + g * columns * item, array[4], scene.scratch, like,
        )  # fmt: skip


@kernel
def add_kernel_gradient(scene: Scene, x: int, dy: int, like: Any) -> None:
    """dW += windows of x, transposed, times dy, summed over the examples."""
    item, size, array = size_of(like), scene.size, scene.array
    entries, outputs, groups = size[9], size[10], size[11]
    inner, columns = size[2] // groups, outputs // groups
    image = pad_image(scene, x, scene.private[1], like)
    for g in range(groups):
        multiply_over(
            image + g * inner * VECTOR_BYTES, array[0], array[1], size[12], size[13], size[14],
            dy + g * columns * VECTOR_BYTES, outputs * VECTOR_BYTES, VECTOR_BYTES,
            scene.own + scene.private[0] + g * columns * item, outputs * item, item,
            entries, columns, 0, 0, scene.scratch, like,
        )  # fmt: skip
