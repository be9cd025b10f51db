"""Convolution, one example at a time.

A convolution is a product of matrices whose left one is never written down: `products.multiply`
reads the windows where they lie on the (padded) image. So do both its gradients: dW is the product
of the windows, transposed, with dy; dx is the convolution of dy, its rows and columns set apart by
the stride, with the kernels turned round.

`geometry` has the sizes, and the tables of where windows and their entries lie.
"""

from __future__ import annotations

from typing import Any

from chainrule.engine.instructions import Op
from chainrule.engine.native import kernel, pointer, size_of
from chainrule.engine.products import fill_rows, multiply
from chainrule.engine.scene import Scene, read


@kernel
def copy_apart(
    source: Any,
    target: Any,
    rows: int,
    columns: int,
    channels: int,
    target_rows: int,
    target_columns: int,
    top: int,
    left: int,
    step_down: int,
    step_right: int,
) -> None:
    """Copy an image into a larger one, from (top, left) on, its pixels set apart by the steps. What
    falls outside is left out, what lies between stays as it is."""
    for r in range(rows):
        y = top + r * step_down
        if 0 <= y < target_rows:
            for c in range(columns):
                x = left + c * step_right
                if 0 <= x < target_columns:
                    at, to = (r * columns + c) * channels, (y * target_columns + x) * channels
                    for k in range(channels):
                        target[to + k] = source[at + k]


@kernel
def sum_bias(dy: Any, total: Any, rows: int, channels: int) -> None:
    """db[o] += Σ_p dy[p, o]."""
    for p in range(rows):
        for o in range(channels):
            total[o] += dy[p * channels + o]


@kernel
def convolve(scene: Scene, x: int, y: int, like: Any) -> None:
    """y = windows of x, times the weights, plus the bias."""
    item, size, array = size_of(like), scene.size, scene.array
    channels, positions, outputs, groups = size[2], size[9], size[10], size[11]
    image = pad_image(scene, x, scene.private[0], like)
    fill_rows(pointer(y, like), array[1], positions, outputs, like)
    for g in range(groups):
        multiply(
            image + g * (channels // groups) * item, array[2], 0, array[3], size[12], size[13],
            item, array[0] + g * size[14], size[15], y + g * (outputs // groups) * item,
            outputs * item, positions, outputs // groups, array[4], scene.scratch, like,
        )  # fmt: skip


@kernel
def add_kernel_gradient(scene: Scene, x: int, dy: int, like: Any) -> None:
    """dW += windows of x, transposed, times dy."""
    item, size, array = size_of(like), scene.size, scene.array
    channels, entries, outputs, groups = size[2], size[9], size[10], size[11]
    image = pad_image(scene, x, scene.private[1], like)
    for g in range(groups):
        columns = g * (outputs // groups) * item
        multiply(
            image + g * (channels // groups) * item, array[0], 0, array[1], size[12], size[13],
            size[14], dy + columns, outputs * item, scene.own + scene.private[0] + columns,
            outputs * item, entries, outputs // groups, 0, scene.scratch, like,
        )  # fmt: skip


@kernel
def pad_image(scene: Scene, x: int, private: int, like: Any) -> int:
    """The image itself, or where it has a border, a copy of it within zeros."""
    if private < 0:
        return x
    size = scene.size
    copy_apart(
        pointer(x, like), pointer(scene.own + private, like), size[0], size[1],
        size[2] * scene.together, size[3], size[4], size[5], size[6], size[7], size[8],
    )  # fmt: skip
    return scene.own + private


def handle_convolution(task: int, like: Any) -> None:
    """Convolve, forward or back, or add up the kernels' gradient, example by example."""
    scene = read(task)
    item = size_of(like)
    for row in range(scene.rows):
        x, y = scene.x + row * scene.x_size * item, scene.y + row * scene.y_size * item
        if scene.op == Op.CONVOLVE:
            convolve(scene, x, y, like)
        else:
            add_kernel_gradient(scene, x, y, like)


def handle_bias(task: int, like: Any) -> None:
    """db += Σ dy over rows and positions."""
    scene = read(task)
    channels = scene.size[0]
    total = pointer(scene.own + scene.private[0], like)
    sum_bias(pointer(scene.x, like), total, scene.rows * scene.x_size // channels, channels)
