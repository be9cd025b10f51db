"""Convolution, one example at a time, or one group of interleaved examples.

A convolution is a product of matrices whose left one is never written down: it is read as windows
where they lie on the (padded) image. So do both its gradients: dW is the product of the windows,
transposed, with dy; dx is the convolution of dy, its rows and columns set apart by the stride, with
the kernels in reverse. `windows` has the tables of where windows and their entries lie.

Where examples are interleaved (see `interleave`), every number of an image is a vector of them; the
loops are the same, and the tiles others.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chainrule import layers
from chainrule.engine.codegen.interleaved_products import (
    multiply_each_example,
    multiply_over_examples,
)
from chainrule.engine.codegen.kernel import Kernel, kernel
from chainrule.engine.codegen.native import clear, pointer, size_of
from chainrule.engine.codegen.operands import count_rows, interleaved_examples, read
from chainrule.engine.codegen.products import Left, Result, Right, multiply
from chainrule.engine.operations import winograd
from chainrule.engine.operations.gradients import gather
from chainrule.engine.operations.padding import pad
from chainrule.engine.operations.phases import (
    ConvolvePhases,
    PhasedWalk,
    order_by_phase,
    walk_by_phase,
)
from chainrule.engine.operations.weight_order import Kernels, arrange
from chainrule.engine.operations.windows import Sides, Walk
from chainrule.engine.program.instructions import Private, Tensor
from chainrule.engine.program.lowering import Lowered, Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles, lowers, register
from chainrule.types import Array, Shape

BIAS_WIDTH = 128  # numbers of an image that are added to the bias's gradient at a time


class Convolve(NamedTuple):
    """y = windows of x, times the weights, plus the bias; forward, or back, where x is dy."""

    x: Tensor
    y: Tensor
    kernels: Kernels
    bias: Array | None
    walk: Walk


class ConvolveDw(NamedTuple):
    """dW += windows of x, transposed, times dy."""

    x: Tensor
    dy: Tensor
    gradient: Private
    walk: Walk


class ConvolveInterleaved(Convolve):
    """The same for interleaved examples."""


class ConvolveInterleavedDw(ConvolveDw):
    """The same for interleaved examples."""


class SumBias(NamedTuple):
    """db += Σ dy over rows and positions."""

    dy: Tensor
    gradient: Private
    sums: Private
    channels: int
    width: int  # numbers at a time: several pixels, so that one sum need not wait for another


# --- how layers are lowered -----------------------------------------------------------------------


@lowers(layers.Conv2D, layers.Conv1D, interleavable=True)
def lower_convolution(
    to: Lowering, layer: layers.Conv2D | layers.Conv1D, x: Tensor, shape: Shape
) -> Lowered:
    channels, outputs, item = shape[-1], layer.out_channels, layer.W.itemsize
    sides = Sides.of(layer, channels, to.interleaved)
    y = to.output(x, math.prod(layer.windows.positions) * outputs, learns=True)
    bias = layer.b if layer.bias else None
    inner, columns, taps = sides.of_group(channels), sides.of_group(outputs), sides.taps
    walk = sides.into_windows(channels, outputs)
    fewer = winograd.scheme_for(to, sides, channels, outputs)
    if fewer:
        transformed = winograd.transform_kernels(to, layer.W, fewer, x.wants_gradient)
        winograd.convolve(
            to.forward, x, y, walk.image, fewer, transformed.forward, outputs, bias=bias
        )
    else:
        kernels = Kernels(layer.W, columns * item, outputs * item)
        convolve(to, to.forward, x, y, walk, kernels, bias)

    def pull(dy: Tensor) -> Tensor | None:
        if fewer:
            winograd.sum_kernels(to, x, dy, walk.image, fewer, layer.dW)
        else:
            parts = Private(layer.W.size, is_sum=True)
            sum_kernels(to, x, dy, parts, sides.for_gradient(channels, outputs))
            gather(to, layer.dW, parts)
        sum_bias(to, layer, dy)
        if not x.wants_gradient:
            return None
        back, order = onto_image(sides, outputs, channels)
        dx = to.output(x, x.size)
        if fewer:
            turned = transformed.back
            winograd.convolve(
                to.backward, dy, dx, back.image, fewer, turned, channels, in_panels=True
            )
            return dx
        swaps = not sides.is_depthwise
        arranged = arrange(to, layer.W, order, sides.groups, swaps=swaps, along_width=True)
        kernels = Kernels(arranged, taps * columns * inner * item, inner * item)
        convolve(to, to.backward, dy, dx, back, kernels)
        return dx

    return y, pull


@lowers(layers.ConvTranspose2D, interleavable=True)
def lower_transposed(
    to: Lowering, layer: layers.ConvTranspose2D, x: Tensor, shape: Shape
) -> Lowered:
    channels, outputs, item = shape[2], layer.out_channels, layer.W.itemsize
    sides = Sides.of(layer, channels, to.interleaved)
    y = to.output(x, math.prod(layer.windows.image) * outputs, learns=True)
    bias = layer.b if layer.bias else None
    inner, columns, taps = sides.of_group(channels), sides.of_group(outputs), sides.taps
    group_bytes = taps * inner * columns * item
    walk, order = onto_image(sides, channels, outputs)
    arranged = arrange(to, layer.W, order, sides.groups, swaps=False, along_width=False)
    convolve(to, to.forward, x, y, walk, Kernels(arranged, group_bytes, columns * item), bias)

    def pull(dy: Tensor) -> Tensor | None:
        parts = Private(layer.W.size, is_sum=True)
        sum_kernels(to, dy, x, parts, sides.for_gradient(outputs, channels))
        gather(to, layer.dW, parts, inner=channels)
        sum_bias(to, layer, dy)
        if not x.wants_gradient:
            return None
        swaps, order = not sides.is_depthwise, np.arange(taps)
        arranged = arrange(to, layer.W, order, sides.groups, swaps=swaps, along_width=False)
        walk, dx = sides.into_windows(outputs, channels), to.output(x, x.size)
        convolve(to, to.backward, dy, dx, walk, Kernels(arranged, group_bytes, inner * item))
        return dx

    return y, pull


def onto_image(sides: Sides, channels: int, outputs: int) -> tuple[Walk | PhasedWalk, Array]:
    """From the windows to the image, and which place each tap of the kernel takes for it: by
    phases where there are several, except for interleaved examples, which have few channels."""
    if sides.windows.stride != (1, 1) and sides.interleaved == 1:
        return walk_by_phase(sides, channels, outputs), order_by_phase(sides)
    return sides.onto_image(channels, outputs), np.arange(sides.taps)[::-1].copy()


def convolve(
    to: Lowering,
    emit: Callable[[Any], None],
    x: Tensor,
    y: Tensor,
    walk: Walk | PhasedWalk,
    kernels: Kernels,
    bias: Array | None = None,
) -> None:
    """A product over windows, forward or back."""
    if isinstance(walk, PhasedWalk):
        operation: Any = ConvolvePhases
    elif to.interleaved == 1:
        operation = Convolve
    else:
        operation = ConvolveInterleaved
        bias = np.zeros(walk.outputs, kernels.weights.dtype) if bias is None else bias
    emit(operation(x, y, kernels, bias, walk))


def sum_kernels(to: Lowering, x: Tensor, dy: Tensor, parts: Private, walk: Walk) -> None:
    """The gradient of a convolution's kernels, whose image is x."""
    operation = ConvolveDw if to.interleaved == 1 else ConvolveInterleavedDw
    to.backward(operation(x, dy, parts, walk))


def sum_bias(to: Lowering, layer: Any, dy: Tensor) -> None:
    """The gradient of a convolution's bias, where it has one."""
    if not layer.bias:
        return
    pixel = layer.out_channels * to.interleaved
    width = pixel * max(BIAS_WIDTH // pixel, 1)
    parts = Private(layer.out_channels, is_sum=True)
    to.backward(SumBias(dy, parts, Private(width), layer.out_channels, width))
    gather(to, layer.db, parts)


# --- kernels --------------------------------------------------------------------------------------


def make_convolution(product: Kernel) -> Callable[[Task, Any], None]:
    """What carries out `Convolve` with this product, of plain numbers or of interleaved ones."""

    def convolution(task: Task, like: Any) -> None:
        operands: Any = read(task, Convolve)
        walk, kernels, item = operands.walk, operands.kernels, size_of(like)
        number = item * interleaved_examples(task)  # bytes
        inner, columns = walk.image.channels // walk.groups, walk.outputs // walk.groups
        for row in range(count_rows(task)):
            image = pad(task, operands.x, walk.image, row, like)
            y = operands.y.address + row * operands.y.size * item
            for g in range(walk.groups):
                weights = kernels.weights + g * kernels.group_bytes
                result = Result(
                    address=y + g * columns * number,
                    row=walk.outputs * number,
                    start=operands.bias + g * columns * item if operands.bias else 0,
                    start_row=0,
                    rows=walk.windows.row_count,
                    columns=columns,
                )
                product(
                    windows_on(image + g * inner * number, walk.windows),
                    Right(weights, kernels.row, 0),
                    result,
                    walk.scratch,
                    like,
                )

    return convolution


def make_kernel_gradient(product: Kernel) -> Callable[[Task, Any], None]:
    """What carries out `ConvolveDw` with this product."""

    def kernel_gradient(task: Task, like: Any) -> None:
        operands: Any = read(task, ConvolveDw)
        walk, item = operands.walk, size_of(like)
        number = item * interleaved_examples(task)  # bytes
        inner, columns = walk.image.channels // walk.groups, walk.outputs // walk.groups
        for row in range(count_rows(task)):
            image = pad(task, operands.x, walk.image, row, like)
            dy = operands.dy.address + row * operands.dy.size * item
            for g in range(walk.groups):
                gradient = operands.gradient + g * columns * item
                result = Result(
                    address=gradient,
                    row=walk.outputs * item,
                    start=gradient,
                    start_row=walk.outputs * item,
                    rows=walk.windows.row_count,
                    columns=columns,
                )
                product(
                    windows_on(image + g * inner * number, walk.windows),
                    Right(dy + g * columns * number, walk.outputs * number, 0),
                    result,
                    walk.scratch,
                    like,
                )

    return kernel_gradient


register(Convolve, make_convolution(multiply))
register(ConvolveInterleaved, make_convolution(multiply_each_example))
register(ConvolveDw, make_kernel_gradient(multiply))
register(ConvolveInterleavedDw, make_kernel_gradient(multiply_over_examples))


@kernel
def windows_on(image: int, table: Any) -> Left:
    """The windows on an image as the left factor of a product."""
    return Left(
        address=image,
        kind=table.kind,
        row=0,
        row_table=table.rows,
        segments=table.segments,
        segment_count=table.segment_count,
        length=table.length,
        step=table.step,
        reach=table.reach,
    )


@handles(SumBias)
def sum_bias_gradient(task: Task, like: Any) -> None:
    """db += Σ dy over rows and positions."""
    operands: Any = read(task, SumBias)
    channels, width = operands.channels, operands.width
    count = count_rows(task) * operands.dy.size
    sums, gradient = pointer(operands.sums, like), pointer(operands.gradient, like)
    clear(sums, width)
    whole = count // width
    add_rows(pointer(operands.dy.address, like), sums, whole, width)
    rest = whole * width
    rest_address = operands.dy.address + rest * size_of(like)
    add_rows(pointer(rest_address, like), sums, 1, count - rest)
    interleaved = interleaved_examples(task)
    for k in range(width):
        gradient[k // interleaved % channels] += sums[k]


@kernel
def add_rows(x: Any, total: Any, rows: int, width: int) -> None:
    """total += Σ_p x[p]."""
    for p in range(rows):
        for k in range(width):
            total[k] += x[p * width + k]
