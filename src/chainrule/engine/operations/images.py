"""Convolution, one example at a time.

A convolution is a product of matrices whose left one is never written down: `products.multiply`
reads the windows where they lie on the (padded) image. So do both its gradients: dW is the product
of the windows, transposed, with dy; dx is the convolution of dy, its rows and columns set apart by
the stride, with the kernels turned round.

`geometry` has the sizes, and the tables of where windows and their entries lie.
"""

from __future__ import annotations

from typing import Any

from chainrule.engine.codegen.native import clear, kernel, pointer, size_of
from chainrule.engine.codegen.processor import PANEL_BYTES
from chainrule.engine.codegen.products import multiply
from chainrule.engine.codegen.scene import Scene, read
from chainrule.engine.program.instructions import Op


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
def add_rows(x: Any, total: Any, rows: int, width: int) -> None:
    """total += Σ_p x[p]."""
    for p in range(rows):
        for k in range(width):
            total[k] += x[p * width + k]


@kernel
def convolve(scene: Scene, x: int, y: int, like: Any) -> None:
    """y = windows of x, times the weights, plus the bias."""
    item, size, array = size_of(like), scene.size, scene.array
    positions, outputs, groups = size[9], size[10], size[11]
    inner, columns = size[2] // groups, outputs // groups
    image = pad_image(scene, x, scene.private[0], like)
    for g in range(groups):
        bias = array[1] + g * columns * item if array[1] else 0
        multiply(
            image + g * inner * item, array[2], 0, array[3], size[12], size[13], item,
            array[0] + g * size[14], size[15], PANEL_BYTES, y + g * columns * item,
            outputs * item, bias, 0, positions, columns, array[4], scene.scratch, like,
        )  # fmt: skip


@kernel
def add_kernel_gradient(scene: Scene, x: int, dy: int, like: Any) -> None:
    """dW += windows of x, transposed, times dy."""
    item, size, array = size_of(like), scene.size, scene.array
    entries, outputs, groups = size[9], size[10], size[11]
    inner, columns = size[2] // groups, outputs // groups
    image = pad_image(scene, x, scene.private[1], like)
    for g in range(groups):
        total = scene.own + scene.private[0] + g * columns * item
        multiply(
            image + g * inner * item, array[0], 0, array[1], size[12], size[13], size[14],
            dy + g * columns * item, outputs * item, PANEL_BYTES, total, outputs * item,
            total, outputs * item, entries, columns, 0, scene.scratch, like,
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
    """db += Σ dy over rows and positions; size[1] numbers at a time, which are several pixels, so
    that one sum need not wait for another."""
    scene = read(task)
    channels, width, count = scene.size[0], scene.size[1], scene.rows * scene.x_size
    sums = pointer(scene.own + scene.private[1], like)
    clear(sums, width)
    whole = count // width
    add_rows(pointer(scene.x, like), sums, whole, width)
    rest = whole * width
    add_rows(pointer(scene.x + rest * size_of(like), like), sums, 1, count - rest)
    total = pointer(scene.own + scene.private[0], like)
    for k in range(width):
        total[k // scene.together % channels] += sums[k]
