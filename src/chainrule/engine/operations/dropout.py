"""Dropout with the masks that the layer would have drawn."""

from __future__ import annotations

from typing import Any

from chainrule.engine.codegen.native import constant, copy, pointer
from chainrule.engine.codegen.random import draw, jump
from chainrule.engine.codegen.scene import read
from chainrule.engine.program import column, place


def handle_dropout(task: int, like: Any) -> None:
    """y = m x with m = 0 with probability number[0], else 1 / (1 - number[0])."""
    scene = read(task)
    x, y, mask = pointer(scene.x, like), pointer(scene.y, like), pointer(scene.z, like)
    t, state, rate = scene.task, scene.own + scene.private[0], scene.number[0]
    copy(pointer(scene.array[0], 0), pointer(state, 0), column.STATE_BYTES // 8)
    of_all, of_earlier = scene.size[0], scene.size[1]  # numbers drawn for each example
    row = t[column.START] + scene.context[place.FIRST_ROW] - t[column.WHOLE] + t[column.BEGIN]
    earlier = t[column.WHOLE] * of_all + t[column.COUNT] * of_earlier
    jump(state, earlier + row * scene.x_size)
    zero, stays = constant(0.0, like), constant(1 / (1 - rate), like)
    for k in range(scene.rows * scene.x_size):
        mask[k] = stays if draw(state) >= rate else zero
    for k in range(scene.rows * scene.x_size):
        y[k] = x[k] * mask[k]


def handle_dropout_dx(task: int, like: Any) -> None:
    """dx = m dy."""
    scene = read(task)
    dy, dx, mask = pointer(scene.x, like), pointer(scene.y, like), pointer(scene.z, like)
    for k in range(scene.rows * scene.x_size):
        dx[k] = dy[k] * mask[k]
