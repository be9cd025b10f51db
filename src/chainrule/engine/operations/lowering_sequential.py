"""How layers one after the other are lowered: in which order, and with examples side by side
where that is faster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chainrule import layers
from chainrule.engine.operations.lowering import (
    VALUE_BY_VALUE,
    Lowered,
    Lowering,
    Pullback,
    multiplications,
)
from chainrule.engine.program.instructions import Op, Tensor
from chainrule.layers.base import Layer
from chainrule.layers.convolution import Convolution
from chainrule.layers.pooling import Pool2D
from chainrule.types import Shape

FEW_VECTORS = 2  # of channels, below which a convolution is faster with examples side by side

Part = tuple[Layer, Shape]


def lower_sequential(to: Lowering, layer: layers.Sequential, x: Tensor, shape: Shape) -> Lowered:
    pulls: list[Pullback] = []
    for parts in stretches(pool_first(layer, shape)):
        lower = lower_side_by_side if are_narrow(to, parts, x) else lower_parts
        x, pull = lower(to, parts, x)
        pulls.append(pull)
    return x, one_after_the_other(pulls)


def pool_first(layer: layers.Sequential, shape: Shape) -> Sequence[Part]:
    """The layers with their input shapes; a ReLU before a max-pool comes after it, where there
    are fewer numbers. Both orders give the same values and gradients."""
    shapes = [shape, *layer.output_shapes][: len(layer.layers)]
    parts = list(zip(layer.layers, shapes, strict=True))
    for i in range(len(parts) - 1):
        (first, before), (second, _) = parts[i], parts[i + 1]
        if type(first) is layers.ReLU and type(second) is layers.MaxPool2D:
            parts[i], parts[i + 1] = (second, before), (first, layer.output_shapes[i + 1])
    return parts


def stretches(parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """The layers in stretches of those that examples can pass side by side, and of others."""
    first = 0
    for i, (layer, _) in enumerate(parts):
        last = i + 1 == len(parts)
        if last or isinstance(layer, PASS_SIDE_BY_SIDE) != isinstance(
            parts[i + 1][0], PASS_SIDE_BY_SIDE
        ):
            yield parts[first : i + 1]
            first = i + 1


PASS_SIDE_BY_SIDE = (Convolution, Pool2D, layers.GlobalAveragePool2D, *VALUE_BY_VALUE)


def are_narrow(to: Lowering, parts: Sequence[Part], x: Tensor) -> bool:
    """Whether most of the work is in convolutions that have too few channels, on the side that a
    product goes to, to fill the processor's vectors."""
    work = narrow_work = 0
    learns = x.wants_gradient
    for layer, shape in parts:
        if isinstance(layer, Convolution):
            channels = min(layer.out_channels, shape[-1] if learns else layer.out_channels)
            work += multiplications(layer)
            if channels // layer.groups < FEW_VECTORS * to.lanes:
                narrow_work += multiplications(layer)
            learns = True
    return to.lanes > 1 and 2 * narrow_work > work


def lower_side_by_side(to: Lowering, parts: Sequence[Part], x: Tensor) -> Lowered:
    """Lay the examples side by side, and apart again behind the last of the layers."""
    x_inside = to.output(x, x.size)
    to.forward(Op.SIDE_BY_SIDE, x, x_inside)
    with to.side_by_side():
        y_inside, pull_inside = lower_parts(to, parts, x_inside)
    y = to.output(y_inside, y_inside.size)
    to.forward(Op.APART, y_inside, y)

    def pull(dy: Tensor) -> Tensor | None:
        dy_inside = to.output(y_inside, y_inside.size)
        to.backward(Op.SIDE_BY_SIDE, dy, dy_inside)
        with to.side_by_side():
            dx_inside = pull_inside(dy_inside)
        if dx_inside is None:
            return None
        dx = to.output(x, x.size)
        to.backward(Op.APART, dx_inside, dx)
        return dx

    return y, pull


def lower_parts(to: Lowering, parts: Sequence[Part], x: Tensor) -> Lowered:
    """Layers as they are."""
    pulls: list[Pullback] = []
    for layer, shape in parts:
        x, pull = to.lower(layer, x, shape)
        pulls.append(pull)
    return x, one_after_the_other(pulls)


def one_after_the_other(pulls: Sequence[Pullback]) -> Pullback:
    """The backward pass of layers in a row, as long as anything before them learns."""

    def pull(dy: Tensor) -> Tensor | None:
        gradient: Tensor | None = dy
        for pull_part in reversed(pulls):
            if gradient is None:
                return None
            gradient = pull_part(gradient)
        return gradient

    return pull


LOWERINGS: dict[type[Layer], Any] = {layers.Sequential: lower_sequential}
