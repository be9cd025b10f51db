"""Convolution back onto an image whose windows lie a stride apart, phase by phase.

With a stride of 2, a pixel in an even row meets other rows of the kernel than one in an odd row.
Pixels that meet the same taps are a phase: for these, dx is a plain convolution of dy with these
taps alone. If instead the pixels of dy were set apart by the stride, three quarters of all
products would be with zeros.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from itertools import count, product
from typing import Any, NamedTuple

import numpy as np

from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import pointer, size_of
from chainrule.engine.codegen.operands import count_rows, read, record_at
from chainrule.engine.codegen.products import Left, Result, Right, most_steps, multiply
from chainrule.engine.codegen.tiles import APART, DEPTHWISE
from chainrule.engine.operations.padding import PaddedImage, pad
from chainrule.engine.operations.weight_order import Kernels
from chainrule.engine.operations.windows import Sides
from chainrule.engine.program.instructions import Private, Tensor
from chainrule.engine.program.records import Task, record
from chainrule.engine.program.registry import handles
from chainrule.types import Array


@record
class Phase(ctypes.Structure):
    """Which rows of the product are those of a phase, and which of the left factor's segments."""

    row: int
    row_count: int
    segment: int
    segment_count: int
    length: int  # steps in a segment
    tap: int  # the first of its taps in the arranged weights


PHASE_BYTES = ctypes.sizeof(Phase)
phase_at = record_at(Phase)


class PhasedWalk(NamedTuple):
    """A product over windows, phase by phase; see `windows.Walk` and `windows.Table`."""

    image: PaddedImage
    kind: int
    step: int
    phases: Array
    phase_count: int
    rows: Array
    segments: Array
    pixels: Array  # which pixel each row of the product is
    outputs: int
    groups: int
    scratch: Private
    results: Private  # in the order of the phases


class ConvolvePhases(NamedTuple):
    """y = windows of x, times the weights of each phase, plus the bias."""

    x: Tensor
    y: Tensor
    kernels: Kernels
    bias: Array | None
    walk: PhasedWalk


# --- the tables -----------------------------------------------------------------------------------


class Axis(NamedTuple):
    """The height or the width of a phase, counted in numbers of dy.

    Args:
        pixels: those along it.
        begins: where each begins to read.
        taps: those of the kernel that it meets.
        offsets: how much further each tap reads.
    """

    pixels: Array
    begins: Array
    taps: list[int]
    offsets: Array


def axes_of_phases(sides: Sides) -> Iterator[tuple[Axis, Axis]]:
    """The height and the width of every phase."""
    for numbers in product(*map(range, sides.windows.stride)):
        down, right = (axis_of(sides, axis, number) for axis, number in enumerate(numbers))
        yield down, right


def axis_of(sides: Sides, axis: int, phase: int) -> Axis:
    """One axis of a phase. The window of number a begins at pixel a · stride - before, and its tap
    i is i · dilation further."""
    w = sides.windows
    stride, dilation, before = w.stride[axis], w.dilation[axis], w.before[axis]
    pixels = np.arange(w.image[axis])
    pixels = pixels[(pixels + before) % stride == phase]
    taps = [i for i in reversed(range(w.kernel_size[axis])) if i * dilation % stride == phase]
    begins = (pixels + before) // stride - before // stride
    return Axis(pixels, begins, taps, reach(sides, axis) - np.array(taps, int) * dilation // stride)


def reach(sides: Sides, axis: int) -> int:
    """How many numbers of dy the kernel's last tap reads before its first."""
    w = sides.windows
    return (w.kernel_size[axis] - 1) * w.dilation[axis] // w.stride[axis]


def order_by_phase(sides: Sides) -> Array:
    """Which place each tap of the kernel takes, so that those of a phase stand together."""
    order, places = np.empty(sides.windows.kernel_size, np.int64), count()
    for down, right in axes_of_phases(sides):
        for tap in product(down.taps, right.taps):
            order[tap] = next(places)
    return order.ravel()


class Part(NamedTuple):
    """The tables of one phase, in bytes; the pixels; how many taps it has."""

    rows: Array
    segments: Array
    length: int
    pixels: Array
    taps: int


def walk_by_phase(sides: Sides, channels: int, outputs: int) -> PhasedWalk:
    """From the windows to the image."""
    w, pixel = sides.windows, sides.pixel(channels)
    image = within_border(sides, channels)
    parts = [part_of(sides, image, *axes) for axes in axes_of_phases(sides)]
    counts = np.array([(len(part.rows), len(part.segments), part.taps) for part in parts])
    row, segment, tap = (np.cumsum(counts, axis=0) - counts).T
    lengths = np.array([part.length for part in parts])
    phases = np.stack([row, counts[:, 0], segment, counts[:, 1], lengths, tap], axis=1)
    scratch = sides.scratch(int(counts[:, 1].max()), int(lengths.max()), outputs)
    return PhasedWalk(
        image,
        DEPTHWISE if sides.is_depthwise else APART,
        pixel * spacing(sides) if sides.is_depthwise else sides.item,
        phases.astype(np.int64),
        len(parts),
        np.concatenate([part.rows for part in parts]),
        np.concatenate([part.segments for part in parts]),
        np.concatenate([part.pixels for part in parts]),
        outputs,
        sides.groups,
        scratch,
        Private(math.prod(w.image) * outputs),
    )


def within_border(sides: Sides, channels: int) -> PaddedImage:
    """dy with as many zeros around it as make every tap read a number for every pixel."""
    w = sides.windows
    most, corner = [], []
    for axis, (size, before, stride) in enumerate(zip(w.image, w.before, w.stride, strict=True)):
        most.append((size - 1 + before) // stride - before // stride + reach(sides, axis) + 1)
        corner.append(reach(sides, axis) - before // stride)
    return sides.padded(w.positions, channels, (most[0], most[1]), (corner[0], corner[1]))


def spacing(sides: Sides) -> int:
    """How many numbers of dy one tap of a phase lies beside the next, in a row of the kernel."""
    dilation, stride = sides.windows.dilation[1], sides.windows.stride[1]
    return dilation // math.gcd(dilation, stride)


def part_of(sides: Sides, image: PaddedImage, down: Axis, right: Axis) -> Part:
    """The tables of one phase. As in `Sides`, a row of the kernel is one segment where its taps
    read adjacent numbers, not too many of them."""
    pixel = sides.pixel(image.channels)
    row, inner = image.padded_width * pixel, image.channels // sides.groups
    taps, ahead = len(right.taps), right.offsets
    if sides.is_depthwise:
        length, ahead = taps, ahead[:1]
    elif sides.groups == spacing(sides) == 1 and taps * inner <= most_steps(sides.item):
        length, ahead = taps * inner, ahead[:1]
    else:
        length = inner
    return Part(
        sums(down.begins * row, right.begins * pixel),
        sums(down.offsets * row, ahead * pixel),
        length,
        sums(down.pixels * sides.windows.image[1], right.pixels),
        len(down.taps) * taps,
    )


def sums(down: Array, right: Array) -> Array:
    """All sums of two numbers, row by row."""
    return np.add.outer(down, right).ravel().astype(np.int64)


# --- kernels --------------------------------------------------------------------------------------


@handles(ConvolvePhases)
def convolve_phases(task: Task, like: Any) -> None:
    """The products of all phases, whose rows then go to the pixels that they are."""
    operands: Any = read(task, ConvolvePhases)
    walk, item = operands.walk, size_of(like)
    for row in range(count_rows(task)):
        image = pad(task, operands.x, walk.image, row, like)
        for number in range(walk.phase_count):
            phase: Any = phase_at(walk.phases + number * PHASE_BYTES)
            multiply_phase(operands, phase, image, like)
        y = operands.y.address + row * operands.y.size * item
        put_in_place(walk, pointer(y, like), operands.y.size, like)


@kernel
def multiply_phase(operands: Any, phase: Any, image: int, like: Any) -> None:
    """The product of one phase, group by group."""
    walk, kernels, item = operands.walk, operands.kernels, size_of(like)
    channels, outputs, groups = walk.image.channels, walk.outputs, walk.groups
    inner, columns = channels // groups, outputs // groups
    rows_of_tap = 1 if walk.kind == DEPTHWISE else inner
    for g in range(groups):
        left = Left(
            address=image + g * inner * item,
            kind=walk.kind,
            row=0,
            row_table=walk.rows + phase.row * 8,
            segments=walk.segments + phase.segment * 8,
            segment_count=phase.segment_count,
            length=phase.length,
            step=walk.step,
            reach=0,
        )
        weights = kernels.weights + g * kernels.group_bytes
        weights += phase.tap * rows_of_tap * kernels.row
        result = Result(
            address=walk.results + (phase.row * outputs + g * columns) * item,
            row=outputs * item,
            start=operands.bias + g * columns * item if operands.bias else 0,
            start_row=0,
            rows=phase.row_count,
            columns=columns,
        )
        multiply(left, Right(weights, kernels.row, 0), result, walk.scratch, like)


@kernel
def put_in_place(walk: Any, y: Any, size: int, like: Any) -> None:
    """Every row of the products to the pixel that it is."""
    results, pixels, outputs = pointer(walk.results, like), pointer(walk.pixels, 0), walk.outputs
    for i in range(size // outputs):
        to = pixels[i] * outputs
        for k in range(outputs):
            y[to + k] = results[i * outputs + k]
