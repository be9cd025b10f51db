"""Dense layers, and copies of columns."""

from __future__ import annotations

from typing import Any

from chainrule.engine.codegen.native import clear, constant, kernel, pointer, size_of
from chainrule.engine.codegen.processor import PANEL_BYTES
from chainrule.engine.codegen.products import multiply_plain
from chainrule.engine.codegen.scene import Scene, read, read_share
from chainrule.engine.codegen.singles import matrix_times_vector, vector_times_matrix
from chainrule.engine.program import column, place
from chainrule.engine.program.instructions import Op


def handle_copy(task: int, like: Any) -> None:
    """Copy columns of x into y, or add them."""
    scene = read(task)
    size = scene.size
    copy_columns(
        pointer(scene.x, like), pointer(scene.y, like), scene.rows * size[4], size[5], size[6],
        size[0], size[1], size[2], size[3],
    )  # fmt: skip


def handle_products(task: int, like: Any) -> None:
    """A dense layer forward, back, and its gradients."""
    scene = read(task)
    if scene.op == Op.DENSE:
        go_forward(scene, like)
    elif scene.op == Op.DENSE_DX:
        go_back(scene, like)
    else:
        add_gradient(scene, like)


@kernel
def go_forward(scene: Scene, like: Any) -> None:
    """y = x W + b."""
    weights, bias, item = scene.array[0], scene.array[1], size_of(like)
    if scene.rows == 1:
        vector_times_matrix(scene.x, weights, scene.y, bias, scene.x_size, scene.y_size, like)
    else:
        y_row = scene.y_size * item
        multiply_plain(
            scene.x, scene.x_size * item, item, scene.x_size, weights, y_row, PANEL_BYTES,
            scene.y, y_row, bias, 0, scene.rows, scene.y_size, scene.scratch, like,
        )  # fmt: skip


@kernel
def go_back(scene: Scene, like: Any) -> None:
    """dx = dy Wᵀ, with the weights transposed where steps have many examples."""
    n, item = scene.rows, size_of(like)
    dy_row, dx_row = scene.x_size * item, scene.y_size * item
    if scene.array[1]:
        multiply_plain(
            scene.x, dy_row, item, scene.x_size, scene.array[1], PANEL_BYTES,
            scene.x_size * PANEL_BYTES, scene.y, dx_row, 0, 0, n, scene.y_size, scene.scratch, like,
        )  # fmt: skip
    else:
        weights = pointer(scene.array[0], like)
        for row in range(n):
            dy = pointer(scene.x + row * dy_row, like)
            dx = pointer(scene.y + row * dx_row, like)
            matrix_times_vector(weights, dy, dx, scene.y_size, scene.x_size, like)


@kernel
def add_gradient(scene: Scene, like: Any) -> None:
    """dW += xᵀ dy and db += Σ_n dy, for this thread's share of the inputs or outputs."""
    part = read_share(scene)
    gradient = scene.array[0] + part.begin * part.width * size_of(like)
    begins = scene.task[column.NEW] and scene.size[2]
    several = scene.op == Op.DENSE_DW and scene.rows > 1
    if begins and not several:
        clear(pointer(gradient, like), part.values)
    if scene.op == Op.DENSE_DB:
        add_bias_gradient(
            scene.x, pointer(gradient, like), scene.size[0], part.begin, part.end, scene.rows, like
        )
        return
    inputs, outputs, item = scene.size[0], part.width, size_of(like)
    if several:
        multiply_plain(
            scene.x + part.begin * item, item, inputs * item, scene.rows, scene.y, outputs * item,
            PANEL_BYTES, gradient, outputs * item, 0 if begins else gradient, outputs * item,
            part.end - part.begin, outputs, scene.scratch, like,
        )  # fmt: skip
    else:
        add_outer_product(
            pointer(scene.x, like), pointer(scene.y, like), pointer(gradient, like), part.begin,
            part.end, outputs,
        )  # fmt: skip


def handle_dense_step(task: int, like: Any) -> None:
    """W <- W - rate · x dyᵀ for one example. Rows whose input is zero, as most pixels are, stay
    untouched. The gradient itself is written down in a run's last step alone, after which it can
    be looked at."""
    scene = read(task)
    context, step = scene.context, scene.task[column.STEP]
    x, dy = pointer(scene.x, like), pointer(scene.y, like)
    weights, gradient = pointer(scene.array[0], like), pointer(scene.array[1], like)
    inputs, outputs = scene.size[0], scene.size[1]
    rate = constant(pointer(context[place.COEFFICIENTS] + step * 32, 0.0)[0], like)
    for i in range(inputs):
        if x[i] != 0:
            for o in range(outputs):
                weights[i * outputs + o] -= rate * (x[i] * dy[o])
    if step + 1 == context[place.STEPS]:
        if scene.size[2]:
            clear(gradient, inputs * outputs)
        add_outer_product(x, dy, gradient, 0, inputs, outputs)


@kernel
def add_outer_product(x: Any, dy: Any, gradient: Any, begin: int, end: int, outputs: int) -> None:
    """dW += x dyᵀ for one example; inputs that are zero cost nothing."""
    for i in range(begin, end):
        if x[i] != 0:
            for o in range(outputs):
                gradient[(i - begin) * outputs + o] += x[i] * dy[o]


@kernel
def add_bias_gradient(
    dy: int, gradient: Any, outputs: int, begin: int, end: int, rows: int, like: Any
) -> None:
    """db += Σ_n dy, for the outputs [begin, end)."""
    for n in range(rows):
        part = pointer(dy + (n * outputs + begin) * size_of(like), like)
        for k in range(end - begin):
            gradient[k] += part[k]


@kernel
def copy_columns(
    x: Any, y: Any, rows: int, x_row: int, y_row: int, x_at: int, y_at: int, width: int, adds: int
) -> None:
    """y[:, y_at : y_at + width] = x[:, x_at : x_at + width], or += ."""
    for n in range(rows):
        a, b = n * x_row + x_at, n * y_row + y_at
        if adds:
            for k in range(width):
                y[b + k] += x[a + k]
        else:
            for k in range(width):
                y[b + k] = x[a + k]
