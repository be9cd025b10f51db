"""What completes the gradients of a step, on each thread's share of the parameters: the sum of all
threads, penalties, clipping."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from chainrule.chain import Chain
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import clear, constant, pointer, size_of
from chainrule.engine.codegen.operands import (
    add_to_total,
    context_at,
    of_thread,
    penalties,
    read,
    share_of,
    total_of_threads,
)
from chainrule.engine.program.instructions import Private
from chainrule.engine.program.lowering import Lowering, rows_and_width
from chainrule.engine.program.obstacles import Unlowerable
from chainrule.engine.program.records import Context, Task
from chainrule.engine.program.registry import handles
from chainrule.regularizers import L1, L2, WeightDecay
from chainrule.types import Array


class Gather(NamedTuple):
    """gradient (+)= the sum of all threads' parts. Where `inner` is not 0, the parts have the last
    two axes, that size and the gradient's own, exchanged."""

    gradient: Array
    parts: Private
    rows: int
    width: int
    is_first: bool  # True if nothing was added to the gradient before
    inner: int


class Penalize(NamedTuple):
    """Add a regularizer's derivative to the gradient, and its penalty to the step's."""

    weights: Array
    gradient: Array
    rows: int
    width: int
    l1: float
    l2: float


class Clip(NamedTuple):
    """Hold the gradient within its limits, and add up its squares."""

    gradient: Array
    rows: int
    width: int
    lowest: float
    highest: float


def gather(to: Lowering, gradient: Array, parts: Private, inner: int = 0) -> None:
    """Have the threads' parts of a gradient added up."""
    rows, width = rows_and_width(gradient)
    to.gather(Gather(gradient, parts, rows, width, to.begins(gradient), inner))


def add_regularizers(to: Lowering, network: Chain) -> None:
    """Penalties on parameters, with their gradients."""
    for name, regularizer in network.state.regularizers.items():
        if type(regularizer) not in (L1, L2, WeightDecay):
            raise Unlowerable(f"the regularizer {type(regularizer).__name__}")
        if type(regularizer) is not WeightDecay:
            w, gradient = network.parameters[name], network.gradients[name]
            rates = (regularizer.rate, 0.0) if type(regularizer) is L1 else (0.0, regularizer.rate)
            to.finish(Penalize(w, gradient, *rows_and_width(w), *rates))


@handles(Gather)
def gather_parts(task: Task, like: Any) -> None:
    """gradient (+)= the sum of all threads' parts, in the order of the threads."""
    operands: Any = read(task, Gather)
    begin, end, width, count = share_of(task, operands.rows, operands.width)
    inner = operands.inner
    gradient = pointer(operands.gradient + begin * width * size_of(like), like)
    if operands.is_first:
        clear(gradient, count)
    for thread in range(context_at(task.context).threads):
        part = pointer(of_thread(task, operands.parts, thread), like)
        if inner:
            for row in range(begin, end):
                tap, k = row // inner, row % inner
                for o in range(width):
                    g = (row - begin) * width + o
                    gradient[g] += part[(tap * width + o) * inner + k]
        else:
            for i in range(count):
                gradient[i] += part[begin * width + i]


@handles(Penalize)
def penalize(task: Task, like: Any) -> None:
    """A regularizer's penalty and its derivative."""
    operands: Any = read(task, Penalize)
    part = share_of(task, operands.rows, operands.width)
    offset = part.begin * part.width * size_of(like)
    w, g = pointer(operands.weights + offset, like), pointer(operands.gradient + offset, like)
    l1, l2 = constant(operands.l1, like), constant(operands.l2, like)
    zero, one, half = constant(0.0, like), constant(1.0, like), constant(0.5, like)
    penalty = 0.0
    for k in range(part.values):
        sign = zero if w[k] == 0 else math.copysign(one, w[k])
        g[k] += l1 * sign + l2 * w[k]
    for k in range(part.values):  # see `losses.sum_losses` for why it is a loop of its own
        penalty += l1 * abs(w[k]) + half * l2 * w[k] * w[k]
    add_to_total(penalties(context_at(task.context), task.step), task.share, penalty)


@handles(Clip)
def clip(task: Task, like: Any) -> None:
    """Clip the gradient by value, and add up its squares."""
    operands: Any = read(task, Clip)
    part = share_of(task, operands.rows, operands.width)
    g = pointer(operands.gradient + part.begin * part.width * size_of(like), like)
    low, high = constant(operands.lowest, like), constant(operands.highest, like)
    squares = 0.0
    for k in range(part.values):
        g[k] = low if g[k] < low else (high if g[k] > high else g[k])
        squares += g[k] * g[k]
    add_to_total(context_at(task.context).squares, task.share, squares)


@kernel
def norm_scale(context: Context) -> float:
    """What shortens the gradient to the norm it may have."""
    if not context.clip_norm:
        return 1.0
    limit = pointer(context.clip_norm, 0.0)[0]
    norm = math.sqrt(total_of_threads(context.squares, context.threads))
    return limit / norm if norm > limit else 1.0
