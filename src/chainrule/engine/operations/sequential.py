"""Layers one after the other: in which order they are lowered, and where examples are interleaved,
see `interleave`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chainrule import layers
from chainrule.engine.operations.interleave import Deinterleave, Interleave
from chainrule.engine.operations.windows import is_depthwise
from chainrule.engine.program.instructions import Tensor
from chainrule.engine.program.lowering import Lowered, Lowering, Pullback, multiplications
from chainrule.engine.program.registry import INTERLEAVABLE, lowers
from chainrule.layers.base import Layer
from chainrule.layers.convolution import Convolution
from chainrule.types import Shape

Part = tuple[Layer, Shape]


@lowers(layers.Sequential)
def lower_sequential(to: Lowering, layer: layers.Sequential, x: Tensor, shape: Shape) -> Lowered:
    pulls: list[Pullback] = []
    for parts in split(pool_first(layer, shape)):
        lower = lower_interleaved if worth_interleaving(to, parts, x) else lower_parts
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


def split(parts: Sequence[Part]) -> Iterator[Sequence[Part]]:
    """The layers in stretches of those that take interleaved examples, and of others."""
    first = 0
    for i, (layer, _) in enumerate(parts):
        last = i + 1 == len(parts)
        if last or is_interleavable(layer) != is_interleavable(parts[i + 1][0]):
            yield parts[first : i + 1]
            first = i + 1


def is_interleavable(layer: Layer) -> bool:
    """True if a layer takes interleaved examples."""
    return type(layer) in INTERLEAVABLE


def worth_interleaving(to: Lowering, parts: Sequence[Part], x: Tensor) -> bool:
    """True if most of the work is in convolutions that have too few channels, on the side that a
    product goes to, to fill one of the processor's vectors."""
    work = work_of_few = 0
    learns = x.wants_gradient
    for layer, shape in parts:
        if isinstance(layer, Convolution):
            channels = min(layer.out_channels, shape[-1] if learns else layer.out_channels)
            work += multiplications(layer)
            if not is_depthwise(layer, shape[-1]):
                channels //= layer.groups
            if channels < to.interleaving:
                work_of_few += multiplications(layer)
            learns = True
    return to.interleaving > 1 and 2 * work_of_few > work


def lower_interleaved(to: Lowering, parts: Sequence[Part], x: Tensor) -> Lowered:
    """Interleave the examples, and take them apart again behind the last of the layers."""
    x_inside = to.output(x, x.size)
    to.forward(Interleave(x, x_inside))
    with to.interleave():
        y_inside, pull_inside = lower_parts(to, parts, x_inside)
    y = to.output(y_inside, y_inside.size)
    to.forward(Deinterleave(y_inside, y))

    def pull(dy: Tensor) -> Tensor | None:
        dy_inside = to.output(y_inside, y_inside.size)
        to.backward(Interleave(dy, dy_inside))
        with to.interleave():
            dx_inside = pull_inside(dy_inside)
        if dx_inside is None:
            return None
        dx = to.output(x, x.size)
        to.backward(Deinterleave(dx_inside, dx))
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
