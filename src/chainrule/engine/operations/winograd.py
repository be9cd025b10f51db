"""3x3 convolutions with 16 multiplications where 36 are needed: Winograd's minimal filtering.

An image is cut into tiles of 4x4 pixels d that overlap by two, each of which makes 2x2 pixels of y:

    y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A

for each pair of channels, with the kernel g and the constants below. Summed over the input's
channels, each of the 16 places is a product of matrices, tiles times channels; the rest are sums
and halves. dx is the same with the kernel turned round, which exchanges the first and the last
row and column of G g Gᵀ. The formula backwards is

    dg = Gᵀ [Σ (Bᵀ d B) ⊙ (A dy Aᵀ)] G

with the sum over all tiles: at each place, again a product of matrices.

Source: Lavin & Gray, Fast Algorithms for Convolutional Neural Networks (2016), section 4.1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from chainrule.engine.codegen.emitter import INT, Emitter, vector_function
from chainrule.engine.codegen.kernel import ir, kernel
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
from chainrule.engine.operations.padding import PaddedImage, pad
from chainrule.engine.operations.windows import Sides
from chainrule.engine.program.instructions import Private, Tensor
from chainrule.engine.program.lowering import Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles
from chainrule.parameters import aligned_zeros
from chainrule.types import Array

PLACES = 16  # of a transformed tile
TILES = 64  # at a time, about: what belongs to them stays in a core's own cache
LEAST_CHANNELS = 32  # with fewer, the transforms cost more than they save

B_T = ((1, 0, -1, 0), (0, 1, 1, 0), (0, -1, 1, 0), (0, 1, 0, -1))
G = ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1))
A_T = ((1, 1, 1, 0), (0, 1, -1, -1))
A = tuple(zip(*A_T, strict=True))


class Winograd(NamedTuple):
    """y = the convolution of x, plus the bias; forward, or back, where x is dy."""

    x: Tensor
    y: Tensor
    kernels: Array  # transformed, place by place
    in_panels: bool
    bias: Array | None
    image: PaddedImage
    tiles_down: int
    tiles_right: int
    inner: int
    outputs: int
    tiles: int  # at a time, whole rows of them
    room: Private  # for transformed tiles, their products, and what a product needs


class WinogradDw(NamedTuple):
    """Σ (Bᵀ d B) ⊙ (A dy Aᵀ), place by place."""

    x: Tensor
    dy: Tensor
    sums: Private
    image: PaddedImage
    tiles_down: int
    tiles_right: int
    inner: int
    outputs: int
    tiles: int
    room: Private


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
    emit(Winograd(x, y, kernels, in_panels, bias, image, *cut))


def sum_kernels(to: Lowering, x: Tensor, dy: Tensor, image: PaddedImage, gradient: Array) -> None:
    """The gradient of a convolution's kernels."""
    *_, inner, outputs = gradient.shape
    sums = Private(PLACES * inner * outputs, is_sum=True)
    to.backward(WinogradDw(x, dy, sums, image, *cut_of(image, outputs, gradient.itemsize)))
    factors = np.einsum("pa,qb->abpq", G, G).ravel().astype(gradient.dtype)
    to.finish(GatherWinograd(gradient, sums, factors, inner, outputs, to.begins(gradient)))


class Cut(NamedTuple):
    """How an image is cut into tiles, and the memory for those at hand."""

    tiles_down: int
    tiles_right: int
    inner: int
    outputs: int
    tiles: int  # at a time, whole rows of them
    room: Private


def cut_of(image: PaddedImage, outputs: int, item: int) -> Cut:
    """How a padded image is cut."""
    down, right = (image.padded_height - 2) // 2, (image.padded_width - 2) // 2
    tiles, inner = max(TILES // right, 1) * right, image.channels
    product = scratch_for(max(inner, tiles), outputs, item, packs_left=True)
    room = Private(PLACES * tiles * (inner + outputs) + product.size, lasts=False)
    return Cut(down, right, inner, outputs, tiles, room)


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
    down = operands.tiles_down
    at_a_time, count, image = operands.tiles // operands.tiles_right, count_rows(task) * down, 0
    for first in range(0, count, at_a_time):
        stop = min(first + at_a_time, count)
        for row in range(first, stop):
            if row % down == 0:
                image = pad(task, operands.x, operands.image, row // down, like)
            transform_row(operands, image, row % down, row - first, like)
        multiply_places(operands, (stop - first) * operands.tiles_right, like)
        for row in range(first, stop):
            transform_row_back(operands, row, row - first, like)


class Row(NamedTuple):
    """A row of tiles, of which each vector is transformed by itself.

    Args:
        tiles: how many there are.
        vectors: in a pixel.
        source, down, right, next_source: where the first tile begins, and how far it is from there
            to a number below, to the number on the right, and to the next tile. For kernels, the
            nine numbers of which lie `right` apart, `down` is three times as much.
        target, place, next_target: where the results begin, how far it is from one place to the
            next, and to the next tile.
    """

    tiles: int
    vectors: int
    source: int
    down: int
    right: int
    next_source: int
    target: int
    place: int
    next_target: int


class RowBack(NamedTuple):
    """The same for the way back, with a bias to be added, unless its address is 0."""

    tiles: int
    vectors: int
    source: int
    place: int
    next_source: int
    target: int
    down: int
    right: int
    next_target: int
    bias: int


@kernel
def transform_row(operands: Any, image: int, row: int, at: int, like: Any) -> None:
    """Bᵀ d B of a row of tiles, which becomes row `at` of those at hand."""
    pixel, tiles = operands.inner * size_of(like), operands.tiles_right
    down = operands.image.padded_width * pixel
    row_of_tiles = Row(
        tiles=tiles,
        vectors=pixel // VECTOR_BYTES,
        source=image + 2 * row * down,
        down=down,
        right=pixel,
        next_source=2 * pixel,
        target=operands.room + at * tiles * pixel,
        place=operands.tiles * pixel,
        next_target=pixel,
    )
    transform_tiles(row_of_tiles, like)


@handles(WinogradDw)
def winograd_dw(task: Task, like: Any) -> None:
    """Some rows of tiles at a time: transform x and dy, and add their product at each place."""
    operands: Any = read(task, WinogradDw)
    down = operands.tiles_down
    at_a_time, count, image = operands.tiles // operands.tiles_right, count_rows(task) * down, 0
    for first in range(0, count, at_a_time):
        stop = min(first + at_a_time, count)
        for row in range(first, stop):
            if row % down == 0:
                image = pad(task, operands.x, operands.image, row // down, like)
            transform_row(operands, image, row % down, row - first, like)
            transform_row_of_dy(operands, row, row - first, like)
        add_places(operands, (stop - first) * operands.tiles_right, like)


@kernel
def add_places(operands: Any, tiles: int, like: Any) -> None:
    """At each of the 16 places, x transposed times dy."""
    inner, outputs, item = operands.inner, operands.outputs, size_of(like)
    products = products_of(operands, item)
    scratch = products + PLACES * operands.tiles * outputs * item
    for k in range(PLACES):
        sums = operands.sums + k * inner * outputs * item
        multiply(
            transposed(operands.room + k * operands.tiles * inner * item, inner * item, tiles),
            Right(products + k * operands.tiles * outputs * item, outputs * item, 0),
            Result(sums, outputs * item, sums, outputs * item, inner, outputs),
            scratch,
            like,
        )


@kernel
def transform_row_of_dy(operands: Any, row: int, at: int, like: Any) -> None:
    """A dy Aᵀ of a row of tiles."""
    item, tiles = size_of(like), operands.tiles_right
    pixel = operands.outputs * item
    down = 2 * tiles * pixel
    row_of_tiles = Row(
        tiles=tiles,
        vectors=pixel // VECTOR_BYTES,
        source=operands.dy.address + 2 * row * down,
        down=down,
        right=pixel,
        next_source=2 * pixel,
        target=products_of(operands, item) + at * tiles * pixel,
        place=operands.tiles * pixel,
        next_target=pixel,
    )
    transform_tiles_of_dy(row_of_tiles, like)


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
def multiply_places(operands: Any, tiles: int, like: Any) -> None:
    """At each of the 16 places, tiles times channels."""
    inner, outputs, item = operands.inner, operands.outputs, size_of(like)
    products = products_of(operands, item)
    scratch = products + PLACES * operands.tiles * outputs * item
    for k in range(PLACES):
        transformed = operands.room + k * operands.tiles * inner * item
        kernels = operands.kernels + k * inner * outputs * item
        address = products + k * operands.tiles * outputs * item
        multiply(
            plain(transformed, inner * item, inner, item),
            Right(kernels, outputs * item, operands.in_panels),
            Result(address, outputs * item, 0, 0, tiles, outputs),
            scratch,
            like,
        )


@kernel
def products_of(operands: Any, item: int) -> int:
    """Where the products lie: behind the transformed tiles."""
    return operands.room + PLACES * operands.tiles * operands.inner * item


@kernel
def transform_row_back(operands: Any, row: int, at: int, like: Any) -> None:
    """Aᵀ m A of a row of tiles: two rows of pixels of y."""
    item, tiles = size_of(like), operands.tiles_right
    pixel = operands.outputs * item
    down = 2 * tiles * pixel
    row_of_tiles = RowBack(
        tiles=tiles,
        vectors=pixel // VECTOR_BYTES,
        source=products_of(operands, item) + at * tiles * pixel,
        place=operands.tiles * pixel,
        next_source=pixel,
        target=operands.y.address + 2 * row * down,
        down=down,
        right=pixel,
        next_target=2 * pixel,
        bias=operands.bias,
    )
    transform_tiles_back(row_of_tiles, like)


# --- the transforms, vector by vector -------------------------------------------------------------


def combined(emit: Emitter, matrix: Any, vectors: list[list[Any]]) -> list[list[Any]]:
    """matrix · vectors · matrixᵀ, with the zeros of the matrix left out."""
    rows = [
        [combination(emit, line, column) for column in zip(*vectors, strict=True)]
        for line in matrix
    ]
    return [[combination(emit, line, row) for line in matrix] for row in rows]


def combination(emit: Emitter, factors: Any, vectors: Any) -> Any:
    """Σ_k factor_k · vector_k, where all factors but zeros have the same size."""
    builder, pairs = emit.builder, list(zip(factors, vectors, strict=True))
    total, *added = [vector for factor, vector in pairs if factor > 0] or [emit.zero]
    for vector in added:
        total = builder.fadd(total, vector)
    for vector in [vector for factor, vector in pairs if factor < 0]:
        total = builder.fsub(total, vector)
    size = max(map(abs, factors))
    return (
        total if size == 1 else builder.fmul(total, ir.Constant(emit.vector, [size] * emit.lanes))
    )


def address_of(emit: Emitter, start: Any, *steps: tuple[Any, int]) -> Any:
    """start + Σ step · count."""
    for step, count in steps:
        start = emit.builder.add(start, emit.builder.mul(step, INT(count)))
    return start


def emit_tiles(emit: Emitter, *numbers: Any) -> None:
    """Bᵀ d B."""
    emit_row(emit, B_T, Row(*numbers))


def emit_tiles_of_dy(emit: Emitter, *numbers: Any) -> None:
    """A dy Aᵀ."""
    emit_row(emit, A, Row(*numbers))


def emit_kernel(emit: Emitter, *numbers: Any) -> None:
    """G g Gᵀ."""
    emit_row(emit, G, Row(*numbers))


def emit_row(emit: Emitter, matrix: Any, row: Row) -> None:
    """matrix · tile · matrixᵀ for every vector of every tile."""
    side = range(len(matrix[0]))
    with each_vector(emit, row) as (source, target):
        tile = [
            [emit.load(address_of(emit, source, (row.down, i), (row.right, j))) for j in side]
            for i in side
        ]
        for i, line in enumerate(combined(emit, matrix, tile)):
            for j, value in enumerate(line):
                emit.store(value, address_of(emit, target, (row.place, 4 * i + j)))


def emit_tiles_back(emit: Emitter, *numbers: Any) -> None:
    """Aᵀ m A, plus the bias."""
    row, side = RowBack(*numbers), range(4)
    everything = ir.Constant(emit.mask, [1] * emit.lanes)
    bias, (mask,) = emit.given_or_zero(row.bias, row.source, [everything])
    with each_vector(emit, row, bias) as (source, target, bias):
        places = [
            [emit.load(address_of(emit, source, (row.place, 4 * i + j))) for j in side]
            for i in side
        ]
        added = emit.load(bias, mask)
        for i, line in enumerate(combined(emit, A_T, places)):
            for j, value in enumerate(line):
                address = address_of(emit, target, (row.down, i), (row.right, j))
                emit.store(emit.builder.fadd(value, added), address)


@contextmanager
def each_vector(emit: Emitter, row: Any, *others: Any) -> Iterator[Any]:
    """Code for every vector of every tile: where it begins in source and target, and in others
    that have the same for all tiles."""
    builder = emit.builder
    with emit.loop(row.tiles) as tile, emit.loop(row.vectors) as vector:
        beyond = builder.mul(vector.index, INT(VECTOR_BYTES))
        starts = [
            builder.add(row.source, builder.mul(tile.index, row.next_source)),
            builder.add(row.target, builder.mul(tile.index, row.next_target)),
            *others,
        ]
        yield [builder.add(start, beyond) for start in starts]


transform_tiles = vector_function("winograd_tiles", emit_tiles)
transform_tiles_of_dy = vector_function("winograd_tiles_of_dy", emit_tiles_of_dy)
transform_tiles_back = vector_function("winograd_tiles_back", emit_tiles_back)
transform_kernel = vector_function("winograd_kernel", emit_kernel)
