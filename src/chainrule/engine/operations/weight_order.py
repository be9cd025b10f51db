"""A convolution's weights in the order in which a product reads them."""

from __future__ import annotations

from typing import Any, NamedTuple

from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import pointer
from chainrule.engine.codegen.operands import Share, read, share_of
from chainrule.engine.program.lowering import Lowering, rows_and_width
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles
from chainrule.parameters import aligned_zeros
from chainrule.types import Array


class Kernels(NamedTuple):
    """A convolution's weights in the order in which a product reads them."""

    weights: Array
    group_bytes: int  # from one group's weights to the next one's
    row: int  # bytes


class ArrangeKernels(NamedTuple):
    """Copy weights (taps, inner, width), taking the taps in another order. The groups of channels,
    which lie along the width or along the inner axis, come apart."""

    weights: Array
    arranged: Array
    rows: int  # taps · inner
    width: int
    taps: int
    groups: int
    order: Array  # which place each tap takes
    swaps: bool  # exchanges the other two axes
    along_width: bool


def arrange(
    to: Lowering,
    weights: Array,
    order: Array,
    groups: int,
    *,
    swaps: bool,
    along_width: bool,
) -> Array:
    """A copy of weights in another order, kept up to date."""
    copy = aligned_zeros(weights.size, weights.dtype)
    operands = ArrangeKernels(
        weights, copy, *rows_and_width(weights), len(order), groups, order, swaps, along_width
    )
    return to.arrange((id(weights), order.tobytes(), swaps), copy, operands)


@handles(ArrangeKernels)
def arrange_kernels(task: Task, like: Any) -> None:
    """Bring this thread's share of the weights into the other order."""
    operands: Any = read(task, ArrangeKernels)
    part = share_of(task, operands.rows, operands.width)
    weights, arranged = pointer(operands.weights, like), pointer(operands.arranged, like)
    if operands.groups == 1 and operands.swaps:
        swap_axes(operands, part, weights, arranged)
    else:
        take_groups_apart(operands, part, weights, arranged)


@kernel
def take_groups_apart(operands: Any, part: Share, weights: Any, arranged: Any) -> None:
    """The general case, number by number."""
    width, taps, groups = operands.width, operands.taps, operands.groups
    inner, order = operands.rows // taps, pointer(operands.order, 0)
    group_width = width // groups if operands.along_width else width
    group_inner = inner if operands.along_width else inner // groups
    for row in range(part.begin, part.end):
        tap, k = order[row // inner], row % inner
        for o in range(width):
            group = o // group_width if operands.along_width else k // group_inner
            a, b = k % group_inner, o % group_width
            if operands.swaps:
                to = (tap * group_width + b) * group_inner + a
            else:
                to = (tap * group_inner + a) * group_width + b
            arranged[group * taps * group_inner * group_width + to] = weights[row * width + o]


@kernel
def swap_axes(operands: Any, part: Share, weights: Any, arranged: Any) -> None:
    """One group with its axes exchanged, a few rows at a time, so that what is read and what is
    written stay in the cache."""
    width, taps = operands.width, operands.taps
    inner, order = operands.rows // taps, pointer(operands.order, 0)
    row = part.begin
    while row < part.end:
        tap, k = row // inner, row % inner
        count = min(part.end - row, inner - k, 16)
        to = order[tap] * width * inner + k
        for o in range(width):
            for r in range(count):
                arranged[to + o * inner + r] = weights[(row + r) * width + o]
        row += count
