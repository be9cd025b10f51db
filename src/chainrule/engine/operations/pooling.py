"""Pooling in both directions, a vector of channels at a time.

The windows of a pool are a table: for each where on the image it begins, and which of the entries,
another table, are its own: how many pixels further each stands, and its number within a whole
window. Windows at the border have fewer entries than others.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from chainrule import layers
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import clear, pointer, size_of
from chainrule.engine.codegen.operands import (
    count_rows,
    interleaved_examples,
    is_operation,
    read,
)
from chainrule.engine.operations.pool_windows import (
    Pool,
    add_to_all,
    add_to_largest,
    add_up,
    find_largest,
    give_to_all,
    give_to_largest,
)
from chainrule.engine.program.instructions import Tensor
from chainrule.engine.program.lowering import Lowered, Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles, lowers
from chainrule.layers.windows import Windows
from chainrule.types import Array, Shape


class Tables(NamedTuple):
    """Where each window of a pool begins and which entries it has; the entries; the pixels that
    are in no window."""

    windows: Array
    entries: Array
    gaps: Array
    channels: int
    window_count: int
    overlap: bool  # True if a pixel can be in several windows
    gap_count: int


class MaxPool(NamedTuple):
    """y = the largest number of each window, and which of its entries that is."""

    x: Tensor
    y: Tensor
    winners: Tensor
    tables: Tables


class MaxPoolDx(NamedTuple):
    """dx = dy at the winner of each window, 0 elsewhere."""

    dy: Tensor
    dx: Tensor
    winners: Tensor
    tables: Tables


class SumPool(NamedTuple):
    """y = the sum over each window, times the window's weight."""

    x: Tensor
    y: Tensor
    weights: Array
    tables: Tables


class SumPoolDx(NamedTuple):
    """dx = the window's weight times dy, added up where windows overlap."""

    dy: Tensor
    dx: Tensor
    weights: Array
    tables: Tables


# --- how layers are lowered -----------------------------------------------------------------------


@lowers(layers.MaxPool2D, interleavable=True)
def lower_max_pool(to: Lowering, layer: layers.MaxPool2D, x: Tensor, shape: Shape) -> Lowered:
    return lower_max(to, x, layer.windows, shape[2])


@lowers(layers.GlobalMaxPool2D, interleavable=True)
def lower_global_max_pool(
    to: Lowering, layer: layers.GlobalMaxPool2D, x: Tensor, shape: Shape
) -> Lowered:
    return lower_max(to, x, whole_image(shape), shape[2])


def lower_max(to: Lowering, x: Tensor, windows: Windows, channels: int) -> Lowered:
    """The largest number of each window, in both directions."""
    tables = pool_tables(windows, channels)
    y = to.output(x, math.prod(windows.positions) * channels)
    winners = Tensor(y.size)
    to.forward(MaxPool(x, y, winners, tables))

    def pull(dy: Tensor) -> Tensor | None:
        dx = to.output(x, x.size)
        to.backward(MaxPoolDx(dy, dx, winners, tables))
        return dx

    return y, pull


@lowers(layers.AveragePool2D, interleavable=True)
def lower_average_pool(
    to: Lowering, layer: layers.AveragePool2D, x: Tensor, shape: Shape
) -> Lowered:
    pixels = np.broadcast_to(layer.pixels, (1, *layer.windows.positions, 1)).ravel()
    return lower_mean(to, x, layer.windows, shape[2], pixels)


@lowers(layers.GlobalAveragePool2D, interleavable=True)
def lower_global_average_pool(
    to: Lowering, layer: layers.GlobalAveragePool2D, x: Tensor, shape: Shape
) -> Lowered:
    height, width, channels = shape
    return lower_mean(to, x, whole_image(shape), channels, np.array([height * width]))


def whole_image(shape: Shape) -> Windows:
    """The one window of a global pool."""
    height, width, _ = shape
    image = (height, width)
    return Windows.over(image, kernel_size=image, stride=image, padding="valid")


def lower_mean(to: Lowering, x: Tensor, windows: Windows, channels: int, pixels: Array) -> Lowered:
    """The sum over each window divided by its number of pixels, in both directions."""
    y = to.output(x, len(pixels) * channels)
    weights, tables = 1.0 / pixels, pool_tables(windows, channels)
    to.forward(SumPool(x, y, weights, tables))

    def pull(dy: Tensor) -> Tensor | None:
        dx = to.output(x, x.size)
        to.backward(SumPoolDx(dy, dx, weights, tables))
        return dx

    return y, pull


def pool_tables(windows: Windows, channels: int) -> Tables:
    """The tables of a pool."""
    height, width = windows.image
    lists: dict[tuple[tuple[int, int], ...], int] = {}
    table, count, gaps = [], 0, np.ones(height * width, bool)
    for position in np.ndindex(*windows.positions):
        top, left = (
            at * step - before
            for at, step, before in zip(position, windows.stride, windows.before, strict=True)
        )
        entries = tuple(
            (i * width + j, number)
            for number, (i, j) in enumerate(np.ndindex(*windows.kernel_size))
            if 0 <= top + i < height and 0 <= left + j < width
        )
        if entries not in lists:
            lists[entries] = count
            count += len(entries)
        begin = top * width + left
        table.append((begin, lists[entries], len(entries)))
        gaps[[begin + offset for offset, _ in entries]] = False
    all_entries = [entry for entries in lists for entry in entries]
    return Tables(
        np.array(table, np.int64).ravel(),
        np.array(all_entries, np.int64).ravel(),
        np.flatnonzero(gaps).astype(np.int64),
        channels,
        len(table),
        overlap(windows),
        int(gaps.sum()),
    )


def overlap(windows: Windows) -> bool:
    """True if a pixel can be in several windows of a pool."""
    return any(step < size for step, size in zip(windows.stride, windows.kernel_size, strict=True))


# --- kernels --------------------------------------------------------------------------------------


@handles(MaxPool, SumPool)
def pool_forward(task: Task, like: Any) -> None:
    """Pooling, by the largest number or by the mean."""
    if is_operation(task, MaxPool):
        operands: Any = read(task, MaxPool)
        for row in range(count_rows(task)):
            winners = row_of(operands.winners, row, like)
            find_largest(pool_of(task, operands, operands.x, operands.y, row, winners, like), like)
    else:
        means: Any = read(task, SumPool)
        for row in range(count_rows(task)):
            add_up(pool_of(task, means, means.x, means.y, row, means.weights, like), like)


@handles(MaxPoolDx, SumPoolDx)
def pool_back(task: Task, like: Any) -> None:
    """The backward pass of either."""
    if is_operation(task, MaxPoolDx):
        operands: Any = read(task, MaxPoolDx)
        for row in range(count_rows(task)):
            clear_rest(task, operands, row, like)
            winners = row_of(operands.winners, row, like)
            pool = pool_of(task, operands, operands.dx, operands.dy, row, winners, like)
            if operands.tables.overlap:
                add_to_largest(pool, like)
            else:
                give_to_largest(pool, like)
    else:
        means: Any = read(task, SumPoolDx)
        for row in range(count_rows(task)):
            clear_rest(task, means, row, like)
            pool = pool_of(task, means, means.dx, means.dy, row, means.weights, like)
            if means.tables.overlap:
                add_to_all(pool, like)
            else:
                give_to_all(pool, like)


@kernel
def row_of(tensor: Any, row: int, like: Any) -> int:
    """The address of one of a tensor's rows."""
    return tensor.address + row * tensor.size * size_of(like)


@kernel
def pool_of(
    task: Task, operands: Any, image: Any, output: Any, row: int, chosen: int, like: Any
) -> Pool:
    """One row's image, its windows and their output, for code that takes addresses."""
    return Pool(
        image=row_of(image, row, like),
        windows=operands.tables.windows,
        count=operands.tables.window_count,
        entries=operands.tables.entries,
        output=row_of(output, row, like),
        chosen=chosen,
        channels=operands.tables.channels * interleaved_examples(task),
    )


@kernel
def clear_rest(task: Task, operands: Any, row: int, like: Any) -> None:
    """Set to zero what no window writes to; or everything, where windows add to it."""
    dx = pointer(row_of(operands.dx, row, like), like)
    if operands.tables.overlap:
        clear(dx, operands.dx.size)
        return
    gaps, pixel = (
        pointer(operands.tables.gaps, 0),
        operands.tables.channels * interleaved_examples(task),
    )
    for g in range(operands.tables.gap_count):
        for k in range(gaps[g] * pixel, (gaps[g] + 1) * pixel):
            dx[k] = 0
