"""Networks of a few units, such as those that learn XOR: every number of an example apart.

With four numbers in a row, a row is too short for the processor's vectors. Here tensors are turned
round, so that a number lies beside the same number of the next example, and every loop runs over
the examples.
"""

from __future__ import annotations

from typing import Any

from chainrule.engine.codegen.native import constant, kernel, pointer, size_of
from chainrule.engine.codegen.scene import read
from chainrule.engine.program import column


def handle_turn(task: int, like: Any) -> None:
    """y = xᵀ."""
    scene = read(task)
    x, y = pointer(scene.x, like), pointer(scene.y, like)
    for i in range(scene.x_size):
        for n in range(scene.rows):
            y[i * scene.rows + n] = x[n * scene.x_size + i]


def handle_narrow_dense(task: int, like: Any) -> None:
    """y_o = Σ_i w_io x_i + b_o."""
    scene = read(task)
    weights, rows = pointer(scene.array[0], like), scene.rows
    for o in range(scene.y_size):
        y = pointer(scene.y + o * rows * size_of(like), like)
        bias = pointer(scene.array[1], like)[o] if scene.array[1] else constant(0.0, like)
        for n in range(rows):
            y[n] = bias
        for i in range(scene.x_size):
            x = pointer(scene.x + i * rows * size_of(like), like)
            add_scaled(x, weights[i * scene.y_size + o], y, rows)


def handle_narrow_dense_dx(task: int, like: Any) -> None:
    """dx_i = Σ_o w_io dy_o."""
    scene = read(task)
    weights, rows = pointer(scene.array[0], like), scene.rows
    for i in range(scene.y_size):
        dx = pointer(scene.y + i * rows * size_of(like), like)
        for n in range(rows):
            dx[n] = 0
        for o in range(scene.x_size):
            dy = pointer(scene.x + o * rows * size_of(like), like)
            add_scaled(dy, weights[i * scene.x_size + o], dx, rows)


def handle_narrow_gradient(task: int, like: Any) -> None:
    """dw_io (+)= Σ_n x_i dy_o and db_o (+)= Σ_n dy_o."""
    scene = read(task)
    rows, outputs = scene.rows, scene.y_size
    begins = scene.task[column.NEW] and scene.size[0]
    gradient = pointer(scene.array[0], like)
    for o in range(outputs):
        dy = pointer(scene.y + o * rows * size_of(like), like)
        for i in range(scene.x_size):
            x = pointer(scene.x + i * rows * size_of(like), like)
            total = constant(0.0, like)
            for n in range(rows):
                total += x[n] * dy[n]
            before = constant(0.0, like) if begins else gradient[i * outputs + o]
            gradient[i * outputs + o] = before + total
        if scene.array[1]:
            total = constant(0.0, like)
            for n in range(rows):
                total += dy[n]
            bias_gradient = pointer(scene.array[1], like)
            before = constant(0.0, like) if begins else bias_gradient[o]
            bias_gradient[o] = before + total


@kernel
def add_scaled(x: Any, factor: Any, y: Any, count: int) -> None:
    """y += factor x."""
    for n in range(count):
        y[n] += factor * x[n]
