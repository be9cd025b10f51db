"""3x3 convolutions with 16 multiplications where 36 are needed: Winograd's minimal filtering.

An image is cut into tiles of 4x4 pixels d that overlap by two, each of which makes 2x2 pixels of y:

    y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A

for each pair of channels, with the kernel g and constant matrices (`codegen.winograd_transforms`).
Summed over the input's channels, each of the 16 places is a product of matrices, tiles times
channels; the rest are sums and halves. dx is the same with the kernel turned round, which exchanges
the first and the last row and column of G g Gᵀ. The formula backwards is

    dg = Gᵀ [Σ (Bᵀ d B) ⊙ (A dy Aᵀ)] G

with the sum over all tiles: at each place, again a product of matrices.

Source: Lavin & Gray, Fast Algorithms for Convolutional Neural Networks (2016), section 4.1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import clear, pointer, size_of
from chainrule.engine.codegen.operands import (
    context_at,
    count_rows,
    of_thread,
    read,
    share_of,
)
from chainrule.engine.codegen.processor import VECTOR_BYTES
from chainrule.engine.codegen.products import (
    Result,
    Right,
    multiply,
    plain,
    scratch_for,
    transposed,
)
from chainrule.engine.codegen.transposition import transpose_into_panels
from chainrule.engine.codegen.winograd_transforms import (
    PLACES,
    G,
    Row,
    RowBack,
    transform_kernel,
    transform_tiles,
    transform_tiles_back,
    transform_tiles_of_dy,
)
from chainrule.engine.operations.padding import PaddedImage, pad
from chainrule.engine.operations.windows import Sides
from chainrule.engine.program.instructions import Private, Tensor
from chainrule.engine.program.lowering import Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles
from chainrule.parameters import aligned_zeros
from chainrule.types import Array

TILES = 64  # at a time, about: what belongs to them stays in a core's own cache
LEAST_CHANNELS = 32  # with fewer, the transforms cost more than they save


class Cut(NamedTuple):
    """How images are cut into tiles, and the memory for those at hand."""

    tiles_down: int
    tiles_right: int
    rows: int  # of tiles at a time
    inner: int
    outputs: int
    room: Private  # for transformed tiles, their products, and what a product needs


class Winograd(NamedTuple):
    """y = the convolution of x, plus the bias; forward, or back, where x is dy."""

    x: Tensor
    y: Tensor
    kernels: Array  # transformed, place by place
    in_panels: bool
    bias: Array | None
    image: PaddedImage
    cut: Cut


class WinogradDw(NamedTuple):
    """Σ (Bᵀ d B) ⊙ (A dy Aᵀ), place by place."""

    x: Tensor
    dy: Tensor
    sums: Private
    image: PaddedImage
    cut: Cut


class GatherWinograd(NamedTuple):
    """dW (+)= Gᵀ · the sum of all threads' parts · G."""

    gradient: Array
    parts: Private
    factors: Array  # of each place for each tap
    inner: int
    outputs: int
    is_first: bool  # True if nothing was added to the gradient before


class TransformKernels(NamedTuple):
    """G g Gᵀ for every kernel g: as the right factors of the way forward, and transposed in panels
    for the way back."""

    weights: Array
    transformed: Array
    panels: Array | None
    inner: int
    outputs: int


def is_worth_it(to: Lowering, sides: Sides, channels: int, outputs: int) -> bool:
    """True if a convolution can be done so, and gains by it."""
    w = sides.windows
    lanes = VECTOR_BYTES // sides.item
    return (
        to.training
        and not to.small_steps
        and w.kernel_size == (3, 3)
        and w.stride == w.dilation == (1, 1)
        and sides.groups == sides.interleaved == 1
        and not sides.is_depthwise
        and min(channels, outputs) >= LEAST_CHANNELS
        and channels % lanes == outputs % lanes == 0
        and not any(size % 2 for size in (*w.image, *w.positions))
    )


class Transformed(NamedTuple):
    """A layer's kernels for the way forward and back."""

    forward: Array
    back: Array


def transform_kernels(to: Lowering, weights: Array, wants_gradient: bool) -> Transformed:
    """Have a layer's kernels transformed before they are used in a step. All threads need what each
    of them makes, of weights that others have moved."""
    *_, inner, outputs = weights.shape
    size = PLACES * inner * outputs
    forward, back = (aligned_zeros(size, weights.dtype) for _ in range(2))
    to.forward(TransformKernels(weights, forward, back if wants_gradient else None, inner, outputs))
    to.wait(to.code.forward)
    return Transformed(forward, back)


def convolve(
    emit: Callable[[Any], None],
    x: Tensor,
    y: Tensor,
    image: PaddedImage,
    kernels: Array,
    outputs: int,
    *,
    bias: Array | None = None,
    in_panels: bool = False,
) -> None:
    """A convolution, forward or back."""
    cut = cut_of(image, outputs, kernels.itemsize)
    emit(Winograd(x, y, kernels, in_panels, bias, image, cut))


def sum_kernels(to: Lowering, x: Tensor, dy: Tensor, image: PaddedImage, gradient: Array) -> None:
    """The gradient of a convolution's kernels."""
    *_, inner, outputs = gradient.shape
    sums = Private(PLACES * inner * outputs, is_sum=True)
    to.backward(WinogradDw(x, dy, sums, image, cut_of(image, outputs, gradient.itemsize)))
    factors = np.einsum("pa,qb->abpq", G, G).ravel().astype(gradient.dtype)
    to.finish(GatherWinograd(gradient, sums, factors, inner, outputs, to.begins(gradient)))


def cut_of(image: PaddedImage, outputs: int, item: int) -> Cut:
    """How a padded image is cut."""
    down, right = (image.padded_height - 2) // 2, (image.padded_width - 2) // 2
    rows, inner = max(TILES // right, 1), image.channels
    tiles = rows * right
    product = scratch_for(max(inner, tiles), outputs, item, packs_left=True)
    room = Private(PLACES * tiles * (inner + outputs) + product.size, lasts=False)
    return Cut(down, right, rows, inner, outputs, room)


# --- kernels --------------------------------------------------------------------------------------


@handles(TransformKernels, blocked=False)
def transform_all_kernels(task: Task, like: Any) -> None:
    """G g Gᵀ for a share of the input's channels."""
    operands: Any = read(task, TransformKernels)
    inner, outputs, item = operands.inner, operands.outputs, size_of(like)
    part, place = share_of(task, inner, outputs), inner * outputs * item
    start = part.begin * outputs * item
    share_of_kernels = Row(
        tiles=1,
        vectors=part.values * item // VECTOR_BYTES,
        source=operands.weights + start,
        down=3 * place,
        right=place,
        next_source=0,
        target=operands.transformed + start,
        place=place,
        next_target=0,
    )
    transform_kernel(share_of_kernels, like)
    if operands.panels:
        for k in range(PLACES):
            panels = operands.panels + turned(k) * place
            matrix = operands.transformed + k * place
            transpose_into_panels(matrix, part.begin, part.end, inner, outputs, panels, like)


@kernel
def turned(place: int) -> int:
    """Where a place comes to lie for the kernel turned round: its first row is its last one, and
    so with the columns."""
    row, column = place // 4, place % 4
    row, column = (3 - row if row % 3 == 0 else row), (3 - column if column % 3 == 0 else column)
    return row * 4 + column


@handles(Winograd)
def winograd(task: Task, like: Any) -> None:
    """Some rows of tiles at a time: transform them, multiply at each place, transform back."""
    operands: Any = read(task, Winograd)
    cut, image = operands.cut, 0
    count = count_rows(task) * cut.tiles_down
    for first in range(0, count, cut.rows):
        stop = min(first + cut.rows, count)
        image = transform_rows(task, operands, image, first, stop, like)
        multiply_places(operands, (stop - first) * cut.tiles_right, like)
        for row in range(first, stop):
            transform_row_back(operands, row, row - first, like)


@handles(WinogradDw)
def winograd_dw(task: Task, like: Any) -> None:
    """Some rows of tiles at a time: transform x and dy, and add their product at each place."""
    operands: Any = read(task, WinogradDw)
    cut, image = operands.cut, 0
    count = count_rows(task) * cut.tiles_down
    for first in range(0, count, cut.rows):
        stop = min(first + cut.rows, count)
        image = transform_rows(task, operands, image, first, stop, like)
        for row in range(first, stop):
            transform_row_of_dy(operands, row, row - first, like)
        add_places(operands, (stop - first) * cut.tiles_right, like)


@handles(GatherWinograd)
def gather_winograd(task: Task, like: Any) -> None:
    """dW (+)= Gᵀ · the sum of all threads' parts · G, for a share of the gradient's rows."""
    operands: Any = read(task, GatherWinograd)
    inner, outputs = operands.inner, operands.outputs
    part = share_of(task, 9 * inner, outputs)
    gradient = pointer(operands.gradient, like)
    if operands.is_first:
        clear(pointer(operands.gradient + part.begin * outputs * size_of(like), like), part.values)
    for thread in range(context_at(task.context).threads):
        sums = pointer(of_thread(task, operands.parts, thread), like)
        for row in range(part.begin, part.end):
            tap, i = row // inner, row % inner
            for k in range(PLACES):
                factor = pointer(operands.factors, like)[tap * PLACES + k]
                if factor != 0:
                    for o in range(outputs):
                        gradient[row * outputs + o] += factor * sums[(k * inner + i) * outputs + o]


@kernel
def transform_rows(task: Task, operands: Any, image: int, first: int, stop: int, like: Any) -> int:
    """Bᵀ d B of the rows of tiles [first, stop), counted over all images. Returns the address of
    the last one's padded image, which the next rows go on with."""
    cut, image_of_rows = operands.cut, image
    pixel = cut.inner * size_of(like)
    down = operands.image.padded_width * pixel
    for row in range(first, stop):
        if row % cut.tiles_down == 0:
            number = row // cut.tiles_down
            image_of_rows = pad(task, operands.x, operands.image, number, like)
        source = image_of_rows + 2 * (row % cut.tiles_down) * down
        target = cut.room + (row - first) * cut.tiles_right * pixel
        transform_tiles(tiles_of_row(cut, source, down, pixel, target), like)
    return image_of_rows


@kernel
def transform_row_of_dy(operands: Any, row: int, at: int, like: Any) -> None:
    """A dy Aᵀ of a row of tiles, which becomes row `at` of those at hand."""
    cut, item = operands.cut, size_of(like)
    pixel = cut.outputs * item
    down = 2 * cut.tiles_right * pixel
    source = operands.dy.address + 2 * row * down
    target = products_of(cut, item) + at * cut.tiles_right * pixel
    transform_tiles_of_dy(tiles_of_row(cut, source, down, pixel, target), like)


@kernel
def tiles_of_row(cut: Any, source: int, down: int, pixel: int, target: int) -> Row:
    """A row of tiles from pixels of so many bytes, two of which lie between tiles."""
    return Row(
        tiles=cut.tiles_right,
        vectors=pixel // VECTOR_BYTES,
        source=source,
        down=down,
        right=pixel,
        next_source=2 * pixel,
        target=target,
        place=place_bytes(cut, pixel),
        next_target=pixel,
    )


@kernel
def transform_row_back(operands: Any, row: int, at: int, like: Any) -> None:
    """Aᵀ m A of a row of tiles: two rows of pixels of y."""
    cut, item = operands.cut, size_of(like)
    pixel = cut.outputs * item
    down = 2 * cut.tiles_right * pixel
    row_of_tiles = RowBack(
        tiles=cut.tiles_right,
        vectors=pixel // VECTOR_BYTES,
        source=products_of(cut, item) + at * cut.tiles_right * pixel,
        place=place_bytes(cut, pixel),
        next_source=pixel,
        target=operands.y.address + 2 * row * down,
        down=down,
        right=pixel,
        next_target=2 * pixel,
        bias=operands.bias,
    )
    transform_tiles_back(row_of_tiles, like)


@kernel
def multiply_places(operands: Any, tiles: int, like: Any) -> None:
    """At each of the 16 places, tiles times channels."""
    cut, item = operands.cut, size_of(like)
    inner_row, row = cut.inner * item, cut.outputs * item
    products, scratch = products_of(cut, item), scratch_of(cut, item)
    for k in range(PLACES):
        multiply(
            plain(cut.room + k * place_bytes(cut, inner_row), inner_row, cut.inner, item),
            Right(operands.kernels + k * cut.inner * row, row, operands.in_panels),
            Result(products + k * place_bytes(cut, row), row, 0, 0, tiles, cut.outputs),
            scratch,
            like,
        )


@kernel
def add_places(operands: Any, tiles: int, like: Any) -> None:
    """At each of the 16 places, x transposed times dy."""
    cut, item = operands.cut, size_of(like)
    inner_row, row = cut.inner * item, cut.outputs * item
    products, scratch = products_of(cut, item), scratch_of(cut, item)
    for k in range(PLACES):
        sums = operands.sums + k * cut.inner * row
        multiply(
            transposed(cut.room + k * place_bytes(cut, inner_row), inner_row, tiles),
            Right(products + k * place_bytes(cut, row), row, 0),
            Result(sums, row, sums, row, cut.inner, cut.outputs),
            scratch,
            like,
        )


@kernel
def place_bytes(cut: Any, pixel: int) -> int:
    """From one place to the next, of tiles that have so many bytes there."""
    return cut.rows * cut.tiles_right * pixel


@kernel
def products_of(cut: Any, item: int) -> int:
    """Where the products lie, or the transformed dy: behind the transformed tiles."""
    return cut.room + PLACES * place_bytes(cut, cut.inner * item)


@kernel
def scratch_of(cut: Any, item: int) -> int:
    """The memory that a product needs: behind these."""
    return products_of(cut, item) + PLACES * place_bytes(cut, cut.outputs * item)
