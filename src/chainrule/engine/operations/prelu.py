"""PReLU: y = x where x is positive, α x elsewhere, with a slope α for each channel."""

from __future__ import annotations

from typing import Any, NamedTuple

from chainrule import layers
from chainrule.engine.codegen.native import constant, pointer
from chainrule.engine.codegen.operands import count_rows, read
from chainrule.engine.operations.gradients import gather
from chainrule.engine.program.instructions import Private, Tensor
from chainrule.engine.program.lowering import Lowered, Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles, lowers
from chainrule.types import Array, Shape


class Prelu(NamedTuple):
    """y = x, or α x where x is not positive."""

    x: Tensor
    y: Tensor
    slopes: Array
    channels: int


class PreluDx(NamedTuple):
    """dx = dy, or α dy where x is not positive; there dα += dy x."""

    dy: Tensor
    dx: Tensor
    x: Tensor
    slopes: Array
    dslopes: Private
    channels: int


@lowers(layers.PReLU)
def lower_prelu(to: Lowering, layer: layers.PReLU, x: Tensor, shape: Shape) -> Lowered:
    channels = shape[-1]
    x.owned = False  # its sign is needed on the way back
    y = to.output(x, x.size, learns=True)
    to.forward(Prelu(x, y, layer.alpha, channels))

    def pull(dy: Tensor) -> Tensor | None:
        dslopes = Private(channels, is_sum=True)
        dx = dy if dy.owned else to.output(x, x.size)
        to.backward(PreluDx(dy, dx, x, layer.alpha, dslopes, channels))
        gather(to, layer.dalpha, dslopes)
        return dx

    return y, pull


@handles(Prelu)
def prelu(task: Task, like: Any) -> None:
    """y = x or α x, a pixel at a time."""
    operands: Any = read(task, Prelu)
    x, y = pointer(operands.x.address, like), pointer(operands.y.address, like)
    slopes, channels, zero = pointer(operands.slopes, like), operands.channels, constant(0.0, like)
    for begin in range(0, count_rows(task) * operands.x.size, channels):
        for k in range(channels):
            value = x[begin + k]
            y[begin + k] = value if value > zero else slopes[k] * value


@handles(PreluDx)
def prelu_dx(task: Task, like: Any) -> None:
    """dα, then dx, which may take the place of dy, a pixel at a time."""
    operands: Any = read(task, PreluDx)
    dy, dx = pointer(operands.dy.address, like), pointer(operands.dx.address, like)
    x, slopes = pointer(operands.x.address, like), pointer(operands.slopes, like)
    dslopes, channels = pointer(operands.dslopes, like), operands.channels
    zero = constant(0.0, like)
    for begin in range(0, count_rows(task) * operands.x.size, channels):
        for k in range(channels):
            value = x[begin + k]
            dslopes[k] += zero if value > zero else dy[begin + k] * value
        for k in range(channels):
            gradient = dy[begin + k]
            dx[begin + k] = gradient if x[begin + k] > zero else slopes[k] * gradient
