"""Convolution and pooling, one example at a time.

A convolution is a product of matrices whose left one is never written down: `products.multiply`
reads the windows where they lie on the (padded) image. So do both its gradients: dW is the product
of the windows, transposed, with dy; dx is the convolution of dy, its rows and columns set apart by
the stride, with the kernels turned round.

`geometry` has the sizes, and the tables of where windows and their entries lie.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from chainrule.engine.instructions import Op
from chainrule.engine.native import clear, constant, kernel, pointer, size_of
from chainrule.engine.products import fill_rows, multiply
from chainrule.engine.scene import Scene, read


class Pool(NamedTuple):
    """The windows of a pool: (row, column) of each one's first entry, (down, right) of every entry
    within one, the image, and how many of both there are."""

    positions: Any
    entries: Any
    rows: int
    columns: int
    channels: int
    window_count: int
    entry_count: int


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
def place_in_image(pool: Pool, p: int, t: int) -> int:
    """Where entry t of window p stands in the image; below zero outside it."""
    row = pool.positions[2 * p] + pool.entries[2 * t]
    column = pool.positions[2 * p + 1] + pool.entries[2 * t + 1]
    if 0 <= row < pool.rows and 0 <= column < pool.columns:
        return (row * pool.columns + column) * pool.channels
    return -1


@kernel
def max_pool(x: Any, y: Any, winner: Any, pool: Pool) -> None:
    """y = the largest of each window, and which of its entries that is. Entries outside the image
    never win."""
    for p in range(pool.window_count):
        to = p * pool.channels
        first = True
        for t in range(pool.entry_count):
            at = place_in_image(pool, p, t)
            if at >= 0 and first:
                for k in range(pool.channels):
                    y[to + k] = x[at + k]
                    winner[to + k] = t
                first = False
            elif at >= 0:
                for k in range(pool.channels):
                    larger = x[at + k] > y[to + k]
                    y[to + k] = x[at + k] if larger else y[to + k]
                    winner[to + k] = t if larger else winner[to + k]


@kernel
def max_pool_dx(dy: Any, winner: Any, dx: Any, pool: Pool, like: Any) -> None:
    """dx += dy at the entry of each window that won."""
    clear(dx, pool.rows * pool.columns * pool.channels)
    zero = constant(0.0, like)
    for p in range(pool.window_count):
        to = p * pool.channels
        for t in range(pool.entry_count):
            at = place_in_image(pool, p, t)
            if at >= 0:
                for k in range(pool.channels):
                    dx[at + k] += dy[to + k] if winner[to + k] == t else zero


@kernel
def sum_pool(x: Any, y: Any, weights: Any, pool: Pool, like: Any) -> None:
    """y = the sum over each window, times the window's weight."""
    clear(y, pool.window_count * pool.channels)
    for p in range(pool.window_count):
        to = p * pool.channels
        for t in range(pool.entry_count):
            at = place_in_image(pool, p, t)
            if at >= 0:
                for k in range(pool.channels):
                    y[to + k] += x[at + k]
        weight = constant(weights[p], like)
        for k in range(pool.channels):
            y[to + k] *= weight


@kernel
def sum_pool_dx(dy: Any, dx: Any, weights: Any, pool: Pool, like: Any) -> None:
    """dx += dy times the window's weight, at every entry of it."""
    clear(dx, pool.rows * pool.columns * pool.channels)
    for p in range(pool.window_count):
        to = p * pool.channels
        weight = constant(weights[p], like)
        for t in range(pool.entry_count):
            at = place_in_image(pool, p, t)
            if at >= 0:
                for k in range(pool.channels):
                    dx[at + k] += dy[to + k] * weight


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


@kernel
def read_pool(scene: Scene) -> Pool:
    """The windows of a pool's instruction."""
    size = scene.size
    positions, entries = pointer(scene.array[0], 0), pointer(scene.array[1], 0)
    channels = size[2] * scene.together
    return Pool(positions, entries, size[0], size[1], channels, size[3], size[4])


def handle_max_pool(task: int, like: Any) -> None:
    """Max-pooling in both directions."""
    scene = read(task)
    item, pool = size_of(like), read_pool(scene)
    for row in range(scene.rows):
        x = pointer(scene.x + row * scene.x_size * item, like)
        y = pointer(scene.y + row * scene.y_size * item, like)
        if scene.op == Op.MAX_POOL:
            max_pool(x, y, pointer(scene.z + row * scene.y_size * item, like), pool)
        else:
            winner = pointer(scene.z + row * scene.x_size * item, like)
            max_pool_dx(x, winner, y, pool, like)


def handle_sum_pool(task: int, like: Any) -> None:
    """Average pooling in both directions."""
    scene = read(task)
    item, pool, weights = size_of(like), read_pool(scene), pointer(scene.array[2], 0.0)
    for row in range(scene.rows):
        x = pointer(scene.x + row * scene.x_size * item, like)
        y = pointer(scene.y + row * scene.y_size * item, like)
        if scene.op == Op.SUM_POOL:
            sum_pool(x, y, weights, pool, like)
        else:
            sum_pool_dx(x, y, weights, pool, like)
