"""Dropout with the masks that the layer would have drawn."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from chainrule import layers
from chainrule.engine.codegen.native import constant, copy, pointer
from chainrule.engine.codegen.operands import count_rows, read
from chainrule.engine.codegen.random import STATE_BYTES, draw, jump
from chainrule.engine.operations.scaling import Scale
from chainrule.engine.program.instructions import Private, Tensor
from chainrule.engine.program.lowering import Lowered, Lowering, RandomLayer
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles, lowers
from chainrule.types import Array, Shape


class DrawMask(NamedTuple):
    """A mask whose numbers are 0 with probability `rate`, else 1 / (1 - rate).

    The layer's generator stands at the beginning of the epoch. In a step, an example takes `drawn`
    of its numbers, of which `drawn_before` for other uses of the same layer.
    """

    mask: Tensor
    state: Array
    own_state: Private
    drawn: int
    drawn_before: int
    rate: float


@lowers(layers.Dropout, layers.SpatialDropout2D, layers.StochasticDepth)
def lower_dropout(to: Lowering, layer: layers.Dropout, x: Tensor, shape: Shape) -> Lowered:
    if not to.training:
        return x, lambda dy: dy
    y, mask = to.output(x, x.size), Tensor(math.prod(layer.mask_shape((1, *shape))))
    if layer not in to.random_layers:
        to.random_layers[layer] = RandomLayer(np.zeros(STATE_BYTES // 8, np.int64))
    random = to.random_layers[layer]
    own_state = Private(STATE_BYTES // 4)
    to.forward(DrawMask(mask, random.state, own_state, 0, random.drawn, layer.rate))
    random.drawn += mask.size
    random.uses.append(to.code.forward[-1])
    for use in random.uses:
        use.operands = use.operands._replace(drawn=random.drawn)
    to.forward(Scale(x, y, mask))

    def pull(dy: Tensor) -> Tensor | None:
        dx = dy if dy.owned else to.output(x, x.size)
        to.backward(Scale(dy, dx, mask))
        return dx

    return y, pull


@handles(DrawMask, blocked=False)
def draw_mask(task: Task, like: Any) -> None:
    """The masks of this thread's examples."""
    operands: Any = read(task, DrawMask)
    mask, state, rate = pointer(operands.mask.address, like), operands.own_state, operands.rate
    size = operands.mask.size
    copy(pointer(operands.state, 0), pointer(state, 0), STATE_BYTES // 8)
    row = task.chunk_row + task.begin
    before = task.step_start * operands.drawn + task.drawn * operands.drawn_before
    jump(state, before + row * size)
    zero, stays = constant(0.0, like), constant(1 / (1 - rate), like)
    for k in range(count_rows(task) * size):
        mask[k] = stays if draw(state) >= rate else zero
