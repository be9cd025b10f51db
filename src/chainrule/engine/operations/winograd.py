"""3x3 and 5x5 convolutions with fewer multiplications: Winograd's minimal filtering.

An image is cut into tiles d of n x n pixels that overlap, each of which makes m x m pixels of y:

    y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A

for each pair of channels, with the kernel g and constant matrices (`codegen.winograd_transforms`).
Summed over the input's channels, each of the n² places is a product of matrices, tiles times
channels; the rest are sums of few numbers. For 4x4 pixels of a 3x3 convolution that is 36
multiplications where 144 are needed otherwise, for 2x2 pixels of it 16 and 36, and of a 5x5
convolution 36 and 100. dx is the same with the kernel turned round. The formula backwards is

    dg = Gᵀ [Σ (Bᵀ d B) ⊙ (A dy Aᵀ)] G

with the sum over all tiles: at each place, again a product of matrices.

Source: Lavin & Gray, Fast Algorithms for Convolutional Neural Networks (2016), section 4.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.library import run
from chainrule.engine.codegen.native import clear, pointer, size_of
from chainrule.engine.codegen.operands import (
    context_at,
    count_rows,
    of_thread,
    read,
    record_at,
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
    FILTERINGS,
    OF_DY,
    OF_IMAGE,
    OF_KERNEL,
    TO_OUTPUT,
    Filtering,
    TransformTask,
    transform_number,
)
from chainrule.engine.operations.padding import PaddedImage, pad
from chainrule.engine.operations.windows import Sides
from chainrule.engine.program.instructions import Private, Tensor
from chainrule.engine.program.lowering import Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles
from chainrule.layers.windows import Windows
from chainrule.parameters import aligned_zeros
from chainrule.types import Array

TILES = 32  # at a time, about: what belongs to them stays in a core's own cache
TASK = -(-ctypes.sizeof(TransformTask) // VECTOR_BYTES) * VECTOR_BYTES  # bytes for it

transform_task_at = record_at(TransformTask)


class Scheme(NamedTuple):
    """F(m, r) in numbers: which of `FILTERINGS` it is, m, r, and m + r - 1."""

    filtering: int
    step: int  # from one tile to the next
    taps: int
    side: int


class Cut(NamedTuple):
    """How images are cut into tiles, and the memory for those at hand."""

    scheme: Scheme
    tiles_down: int
    tiles_right: int
    rows: int  # of tiles at a time
    inner: int
    outputs: int
    room: Private  # for a task, transformed tiles, their products, and what a product needs


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


class TransformKernels(NamedTuple):
    """G g Gᵀ for every kernel g: as the right factors of the way forward, and for the way back of
    the kernel turned round, in panels of the transposed."""

    weights: Array
    inner: int
    outputs: int
    scheme: Scheme
    forward: Array
    turned: Array | None
    panels: Array | None
    room: Private  # for a task


class GatherWinograd(NamedTuple):
    """dW (+)= Gᵀ · the sum of all threads' parts · G."""

    gradient: Array
    parts: Private
    factors: Array  # of each place for each tap
    scheme: Scheme
    inner: int
    outputs: int
    is_first: bool  # True if nothing was added to the gradient before


def scheme_for(to: Lowering, sides: Sides, channels: int, outputs: int) -> Scheme | None:
    """How a convolution is done with fewer multiplications; None if it cannot be, or would not
    gain by it."""
    w = sides.windows
    lanes = VECTOR_BYTES // sides.item
    is_plain = w.stride == w.dilation == (1, 1) and sides.groups == sides.interleaved == 1
    fills_vectors = channels % lanes == outputs % lanes == 0
    if not to.training or to.small_steps or sides.is_depthwise or not (is_plain and fills_vectors):
        return None
    for number, filtering in enumerate(FILTERINGS):
        if min(channels, outputs) >= filtering.least_channels and divides(filtering, w):
            return Scheme(number, filtering.outputs, filtering.taps, filtering.side)
    return None


def divides(filtering: Filtering, windows: Windows) -> bool:
    """True if whole tiles make a convolution's outputs, and its dx."""
    sizes = (*windows.image, *windows.positions)
    kernel_size = (filtering.taps, filtering.taps)
    return windows.kernel_size == kernel_size and not any(n % filtering.outputs for n in sizes)


class Transformed(NamedTuple):
    """A layer's kernels for the way forward and back."""

    forward: Array
    back: Array


def transform_kernels(
    to: Lowering, weights: Array, scheme: Scheme, wants_gradient: bool
) -> Transformed:
    """Have a layer's kernels transformed before they are used in a step. All threads need what each
    of them makes, of weights that others have moved."""
    *_, inner, outputs = weights.shape
    size = scheme.side**2 * inner * outputs
    forward, turned, back = (aligned_zeros(size, weights.dtype) for _ in range(3))
    room = Private(TASK // weights.itemsize, lasts=False)
    operands = TransformKernels(weights, inner, outputs, scheme, forward, turned, back, room)
    to.forward(operands if wants_gradient else operands._replace(turned=None, panels=None))
    to.wait(to.code.forward)
    return Transformed(forward, back)


def convolve(
    emit: Callable[[Any], None],
    x: Tensor,
    y: Tensor,
    image: PaddedImage,
    scheme: Scheme,
    kernels: Array,
    outputs: int,
    *,
    bias: Array | None = None,
    in_panels: bool = False,
) -> None:
    """A convolution, forward or back."""
    cut = cut_of(image, scheme, outputs, kernels.itemsize)
    emit(Winograd(x, y, kernels, in_panels, bias, image, cut))


def sum_kernels(
    to: Lowering, x: Tensor, dy: Tensor, image: PaddedImage, scheme: Scheme, gradient: Array
) -> None:
    """The gradient of a convolution's kernels."""
    *_, inner, outputs = gradient.shape
    sums = Private(scheme.side**2 * inner * outputs, is_sum=True)
    cut = cut_of(image, scheme, outputs, gradient.itemsize)
    to.backward(WinogradDw(x, dy, sums, image, cut))
    g = np.array(FILTERINGS[scheme.filtering].matrix(OF_KERNEL), float)
    factors = np.einsum("pa,qb->abpq", g, g).ravel().astype(gradient.dtype)
    begins = to.begins(gradient)
    to.gather(GatherWinograd(gradient, sums, factors, scheme, inner, outputs, begins))


def cut_of(image: PaddedImage, scheme: Scheme, outputs: int, item: int) -> Cut:
    """How a padded image is cut."""
    down, right = (
        (size - scheme.taps + 1) // scheme.step
        for size in (image.padded_height, image.padded_width)
    )
    rows, inner = max(TILES // right, 1), image.channels
    tiles = rows * right
    product = scratch_for(max(inner, tiles), outputs, item, packs_left=True)
    transformed = scheme.side**2 * tiles * (inner + outputs)
    room = Private(TASK // item + transformed + product.size, lasts=False)
    return Cut(scheme, down, right, rows, inner, outputs, room)


# --- kernels --------------------------------------------------------------------------------------


class Grid(NamedTuple):
    """Where the numbers of a tile lie: its first vector, how far it is from there to the one below
    and to the one on the right, and to the next tile."""

    address: int
    down: int
    right: int
    next: int


@kernel
def transform(
    room: int,
    scheme: Any,
    kind: int,
    tiles: int,
    vectors: int,
    source: Grid,
    target: Grid,
    bias: int,
    like: Any,
) -> None:
    """target = M · source · Mᵀ for a row of tiles, each of so many vectors, plus the bias, unless
    its address is 0."""
    task: Any = transform_task_at(room)
    task.number = transform_number(scheme.filtering, kind)
    task.tiles, task.vectors = tiles, vectors
    task.source, task.source_next = source.address, source.next
    task.source_down, task.source_right = source.down, source.right
    task.target, task.target_next = target.address, target.next
    task.target_down, task.target_right = target.down, target.right
    task.bias = bias
    run(room, like)


@handles(TransformKernels, blocked=False)
def transform_all_kernels(task: Task, like: Any) -> None:
    """G g Gᵀ for a share of the input's channels."""
    operands: Any = read(task, TransformKernels)
    inner, outputs, side = operands.inner, operands.outputs, operands.scheme.side
    part, place = share_of(task, inner, outputs), inner * outputs * size_of(like)
    transform_share(operands, operands.forward, part, False, like)
    if operands.panels:
        transform_share(operands, operands.turned, part, True, like)
        for k in range(side * side):
            panels, matrix = operands.panels + k * place, operands.turned + k * place
            transpose_into_panels(matrix, part.begin, part.end, inner, outputs, panels, like)


@kernel
def transform_share(operands: Any, target: int, part: Any, turned: bool, like: Any) -> None:
    """G g Gᵀ for a share of the input's channels, of kernels as they are or turned round."""
    scheme, row = operands.scheme, operands.outputs * size_of(like)
    first, place = part.begin * row, operands.inner * row
    source, right = operands.weights + first, place
    if turned:
        source, right = source + (scheme.taps * scheme.taps - 1) * place, -place
    transform(
        operands.room,
        scheme,
        OF_KERNEL,
        1,
        (part.end - part.begin) * row // VECTOR_BYTES,
        Grid(source, scheme.taps * right, right, 0),
        Grid(target + first, scheme.side * place, place, 0),
        0,
        like,
    )


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
        transform_rows_back(operands, first, stop, like)


@handles(WinogradDw)
def winograd_dw(task: Task, like: Any) -> None:
    """Some rows of tiles at a time: transform x and dy, and add their product at each place."""
    operands: Any = read(task, WinogradDw)
    cut, image = operands.cut, 0
    count = count_rows(task) * cut.tiles_down
    for first in range(0, count, cut.rows):
        stop = min(first + cut.rows, count)
        image = transform_rows(task, operands, image, first, stop, like)
        transform_rows_of_dy(operands, first, stop, like)
        add_places(operands, (stop - first) * cut.tiles_right, like)


@handles(GatherWinograd)
def gather_winograd(task: Task, like: Any) -> None:
    """dW (+)= Gᵀ · the sum of all threads' parts · G, for a share of the gradient's rows."""
    operands: Any = read(task, GatherWinograd)
    inner, outputs, scheme = operands.inner, operands.outputs, operands.scheme
    places = scheme.side * scheme.side
    part = share_of(task, scheme.taps * scheme.taps * inner, outputs)
    gradient = pointer(operands.gradient, like)
    if operands.is_first:
        clear(pointer(operands.gradient + part.begin * outputs * size_of(like), like), part.values)
    for thread in range(context_at(task.context).threads):
        sums = pointer(of_thread(task, operands.parts, thread), like)
        for row in range(part.begin, part.end):
            tap, i = row // inner, row % inner
            for k in range(places):
                factor = pointer(operands.factors, like)[tap * places + k]
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
        source = image_of_rows + cut.scheme.step * (row % cut.tiles_down) * down
        tiles = Grid(source, down, pixel, cut.scheme.step * pixel)
        places = places_of(cut, tiles_of(cut), row - first, pixel)
        transform_row(cut, OF_IMAGE, pixel, tiles, places, 0, like)
    return image_of_rows


@kernel
def transform_rows_of_dy(operands: Any, first: int, stop: int, like: Any) -> None:
    """A dy Aᵀ of the rows of tiles [first, stop)."""
    cut, item = operands.cut, size_of(like)
    pixel = cut.outputs * item
    for row in range(first, stop):
        pixels = pixels_of(cut, operands.dy.address, row, pixel)
        places = places_of(cut, products_of(cut, item), row - first, pixel)
        transform_row(cut, OF_DY, pixel, pixels, places, 0, like)


@kernel
def transform_rows_back(operands: Any, first: int, stop: int, like: Any) -> None:
    """Aᵀ m A, plus the bias, of the rows of tiles [first, stop): some rows of pixels of y each."""
    cut, item = operands.cut, size_of(like)
    pixel = cut.outputs * item
    for row in range(first, stop):
        places = places_of(cut, products_of(cut, item), row - first, pixel)
        pixels = pixels_of(cut, operands.y.address, row, pixel)
        transform_row(cut, TO_OUTPUT, pixel, places, pixels, operands.bias, like)


@kernel
def transform_row(
    cut: Any, kind: int, pixel: int, source: Grid, target: Grid, bias: int, like: Any
) -> None:
    """One transform of a row of tiles, whose pixels have so many bytes."""
    vectors = pixel // VECTOR_BYTES
    transform(cut.room, cut.scheme, kind, cut.tiles_right, vectors, source, target, bias, like)


@kernel
def pixels_of(cut: Any, images: int, row: int, pixel: int) -> Grid:
    """A row of tiles, counted over all images, as m x m pixels of so many bytes."""
    step = cut.scheme.step
    down = step * cut.tiles_right * pixel
    return Grid(images + step * row * down, down, pixel, step * pixel)


@kernel
def places_of(cut: Any, address: int, row: int, pixel: int) -> Grid:
    """A row of those at hand, place by place."""
    place = place_bytes(cut, pixel)
    first = address + row * cut.tiles_right * pixel
    return Grid(first, cut.scheme.side * place, place, pixel)


@kernel
def multiply_places(operands: Any, tiles: int, like: Any) -> None:
    """At each place, tiles times channels."""
    cut, item = operands.cut, size_of(like)
    inner_row, row = cut.inner * item, cut.outputs * item
    products, scratch = products_of(cut, item), scratch_of(cut, item)
    for k in range(cut.scheme.side * cut.scheme.side):
        multiply(
            plain(tiles_of(cut) + k * place_bytes(cut, inner_row), inner_row, cut.inner, item),
            Right(operands.kernels + k * cut.inner * row, row, operands.in_panels),
            Result(products + k * place_bytes(cut, row), row, 0, 0, tiles, cut.outputs),
            scratch,
            like,
        )


@kernel
def add_places(operands: Any, tiles: int, like: Any) -> None:
    """At each place, x transposed times dy."""
    cut, item = operands.cut, size_of(like)
    inner_row, row = cut.inner * item, cut.outputs * item
    products, scratch = products_of(cut, item), scratch_of(cut, item)
    for k in range(cut.scheme.side * cut.scheme.side):
        sums = operands.sums + k * cut.inner * row
        multiply(
            transposed(tiles_of(cut) + k * place_bytes(cut, inner_row), inner_row, tiles),
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
def tiles_of(cut: Any) -> int:
    """Where the transformed tiles lie: behind the task."""
    return cut.room + TASK


@kernel
def products_of(cut: Any, item: int) -> int:
    """Where the products lie, or the transformed dy: behind the transformed tiles."""
    places = cut.scheme.side * cut.scheme.side
    return tiles_of(cut) + places * place_bytes(cut, cut.inner * item)


@kernel
def scratch_of(cut: Any, item: int) -> int:
    """The memory that a product needs: behind these."""
    places = cut.scheme.side * cut.scheme.side
    return products_of(cut, item) + places * place_bytes(cut, cut.outputs * item)
