"""Dropout with the masks that the layer would have drawn."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chainrule import layers
from chainrule.engine.codegen.native import constant, copy, pointer
from chainrule.engine.codegen.operands import count_rows, read
from chainrule.engine.codegen.random import STATE_BYTES, draw, jump
from chainrule.engine.program.instructions import Private, Tensor
from chainrule.engine.program.lowering import Lowered, Lowering, RandomLayer
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles, lowers
from chainrule.types import Array, Shape


class Dropout(NamedTuple):
    """y = m x, where m is 0 with probability `rate`, else 1 / (1 - rate).

    The layer's generator stands at the beginning of the epoch. In a step, an example takes `drawn`
    of its numbers, of which `drawn_before` for other uses of the same layer.
    """

    x: Tensor
    y: Tensor
    mask: Tensor
    state: Array
    own_state: Private
    drawn: int
    drawn_before: int
    rate: float


class DropoutDx(NamedTuple):
    """dx = m dy."""

    dy: Tensor
    dx: Tensor
    mask: Tensor


@lowers(layers.Dropout)
def lower_dropout(to: Lowering, layer: layers.Dropout, x: Tensor, shape: Shape) -> Lowered:
    if not to.training:
        return x, lambda dy: dy
    y, mask = to.output(x, x.size), Tensor(x.size)
    if layer not in to.random_layers:
        to.random_layers[layer] = RandomLayer(np.zeros(STATE_BYTES // 8, np.int64))
    random = to.random_layers[layer]
    own_state = Private(STATE_BYTES // 4)
    to.forward(Dropout(x, y, mask, random.state, own_state, 0, random.drawn, layer.rate))
    random.drawn += x.size
    random.uses.append(to.code.forward[-1])
    for use in random.uses:
        use.operands = use.operands._replace(drawn=random.drawn)

    def pull(dy: Tensor) -> Tensor | None:
        dx = dy if dy.owned else to.output(x, x.size)
        to.backward(DropoutDx(dy, dx, mask))
        return dx

    return y, pull


@handles(Dropout, blocked=False)
def dropout(task: Task, like: Any) -> None:
    """y = m x, with the numbers of this thread's examples."""
    operands: Any = read(task, Dropout)
    x, y = pointer(operands.x.address, like), pointer(operands.y.address, like)
    mask, state, rate = pointer(operands.mask.address, like), operands.own_state, operands.rate
    size, count = operands.x.size, count_rows(task) * operands.x.size
    copy(pointer(operands.state, 0), pointer(state, 0), STATE_BYTES // 8)
    row = task.chunk_row + task.begin
    before = task.step_start * operands.drawn + task.examples * operands.drawn_before
    jump(state, before + row * size)
    zero, stays = constant(0.0, like), constant(1 / (1 - rate), like)
    for k in range(count):
        mask[k] = stays if draw(state) >= rate else zero
    for k in range(count):
        y[k] = x[k] * mask[k]


@handles(DropoutDx)
def dropout_dx(task: Task, like: Any) -> None:
    """dx = m dy."""
    operands: Any = read(task, DropoutDx)
    dy, dx = pointer(operands.dy.address, like), pointer(operands.dx.address, like)
    mask = pointer(operands.mask.address, like)
    for k in range(count_rows(task) * operands.dy.size):
        dx[k] = dy[k] * mask[k]
