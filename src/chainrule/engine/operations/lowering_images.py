"""How convolution and pooling are lowered."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import layers
from chainrule.engine.operations.geometry import Geometry, overlap, pool_tables
from chainrule.engine.operations.lowering import Lowered, Lowering
from chainrule.engine.program.instructions import Op, Private, Tensor
from chainrule.layers.convolution import Convolution
from chainrule.layers.windows import Windows
from chainrule.types import Array, Shape

BIAS_WIDTH = 128  # numbers of an image that are added to the bias's gradient at a time


def lower_convolution(to: Lowering, layer: layers.Conv2D, x: Tensor, shape: Shape) -> Lowered:
    geometry = Geometry(layer.windows, layer.W.itemsize, layer.groups, to.together)
    y = to.output(x, math.prod(layer.windows.positions) * layer.out_channels, learns=True)
    bias = layer.b if layer.bias else None
    taps, item = math.prod(layer.windows.kernel_size), layer.W.itemsize
    columns = layer.out_channels // layer.groups
    into_windows = geometry.into_windows(shape[2], layer.out_channels)
    details = into_windows.details(layer.W, bias, columns * item, layer.out_channels * item)
    convolve(to, to.forward, x, y, details)

    def pull(dy: Tensor) -> Tensor | None:
        parts = Private(layer.W.size, sums=True)
        details = geometry.gradient(shape[2], layer.out_channels, parts)
        sum_kernels(to, x, dy, details)
        to.gather(layer.dW, parts)
        sum_bias(to, layer, dy)
        if not x.wants_gradient:
            return None
        arranged = to.arrange(layer.W, taps, layer.groups, True, True, True)
        onto_image = geometry.onto_image(layer.out_channels, shape[2])
        inner = shape[2] // layer.groups
        details = onto_image.details(arranged, None, taps * columns * inner * item, inner * item)
        dx = to.output(x, x.size)
        convolve(to, to.backward, dy, dx, details)
        return dx

    return y, pull


def lower_transposed(
    to: Lowering, layer: layers.ConvTranspose2D, x: Tensor, shape: Shape
) -> Lowered:
    geometry = Geometry(layer.windows, layer.W.itemsize, layer.groups, to.together)
    channels, outputs = shape[2], layer.out_channels
    y = to.output(x, math.prod(layer.windows.image) * outputs, learns=True)
    bias = layer.b if layer.bias else None
    taps, item = math.prod(layer.windows.kernel_size), layer.W.itemsize
    inner, columns = channels // layer.groups, outputs // layer.groups
    group_bytes = taps * inner * columns * item
    arranged = to.arrange(layer.W, taps, layer.groups, True, False, False)
    onto_image = geometry.onto_image(channels, outputs)
    details = onto_image.details(arranged, bias, group_bytes, columns * item)
    convolve(to, to.forward, x, y, details)

    def pull(dy: Tensor) -> Tensor | None:
        parts = Private(layer.W.size, sums=True)
        sum_kernels(to, dy, x, geometry.gradient(outputs, channels, parts))
        to.gather(layer.dW, parts, inner=channels)
        sum_bias(to, layer, dy)
        if not x.wants_gradient:
            return None
        arranged = to.arrange(layer.W, taps, layer.groups, False, True, False)
        into_windows = geometry.into_windows(outputs, channels)
        dx = to.output(x, x.size)
        details = into_windows.details(arranged, None, group_bytes, inner * item)
        convolve(to, to.backward, dy, dx, details)
        return dx

    return y, pull


def convolve(
    to: Lowering, emit: Callable[..., None], x: Tensor, y: Tensor, details: dict[str, Any]
) -> None:
    """A product over windows, forward or back."""
    emit(Op.CONVOLVE if to.together == 1 else Op.LANES_CONVOLVE, x, y, **details)


def sum_kernels(to: Lowering, x: Tensor, dy: Tensor, details: dict[str, Any]) -> None:
    """The gradient of a convolution's kernels."""
    to.backward(Op.CONVOLVE_DW if to.together == 1 else Op.LANES_CONVOLVE_DW, x, dy, **details)


def sum_bias(to: Lowering, layer: Convolution, dy: Tensor) -> None:
    """The gradient of a convolution's bias, where it has one."""
    if not layer.bias:
        return
    pixel = layer.out_channels * to.together
    width = pixel * max(BIAS_WIDTH // pixel, 1)
    parts, sums = Private(layer.out_channels, sums=True), Private(width)
    to.backward(Op.SUM_BIAS, dy, sizes=(layer.out_channels, width), private=(parts, sums))
    to.gather(layer.db, parts)


def lower_max_pool(to: Lowering, layer: layers.MaxPool2D, x: Tensor, shape: Shape) -> Lowered:
    details, count = pool_details(layer.windows, shape[2]), math.prod(layer.windows.positions)
    y = to.output(x, count * shape[2])
    winner = Tensor(y.size)
    to.forward(Op.MAX_POOL, x, y, winner, **details)

    def pull(dy: Tensor) -> Tensor | None:
        dx = to.output(x, x.size)
        to.backward(Op.MAX_POOL_DX, dy, dx, winner, **details)
        return dx

    return y, pull


def pool_details(windows: Windows, channels: int, *more: Array) -> dict[str, Any]:
    """A pool's details in both directions, and more arrays."""
    tables = pool_tables(windows)
    count = math.prod(windows.positions)
    sizes = (channels, count, overlap(windows), len(tables.gaps))
    return {"arrays": (*tables, *more), "sizes": sizes}


def lower_average_pool(
    to: Lowering, layer: layers.AveragePool2D, x: Tensor, shape: Shape
) -> Lowered:
    pixels = np.broadcast_to(layer.pixels, (1, *layer.windows.positions, 1)).ravel()
    return lower_mean(to, x, layer.windows, shape[2], pixels)


def lower_global_pool(
    to: Lowering, layer: layers.GlobalAveragePool2D, x: Tensor, shape: Shape
) -> Lowered:
    height, width, channels = shape
    image = (height, width)
    whole = Windows.over(image, kernel_size=image, stride=image, padding="valid")
    return lower_mean(to, x, whole, channels, np.array([height * width]))


def lower_mean(to: Lowering, x: Tensor, windows: Windows, channels: int, pixels: Array) -> Lowered:
    """The sum over each window divided by its number of pixels, in both directions."""
    y = to.output(x, len(pixels) * channels)
    details = pool_details(windows, channels, 1.0 / pixels)
    to.forward(Op.SUM_POOL, x, y, **details)

    def pull(dy: Tensor) -> Tensor | None:
        dx = to.output(x, x.size)
        to.backward(Op.SUM_POOL_DX, dy, dx, **details)
        return dx

    return y, pull


LOWERINGS: dict[type[layers.Layer], Any] = {
    layers.Conv2D: lower_convolution,
    layers.ConvTranspose2D: lower_transposed,
    layers.MaxPool2D: lower_max_pool,
    layers.AveragePool2D: lower_average_pool,
    layers.GlobalAveragePool2D: lower_global_pool,
}
