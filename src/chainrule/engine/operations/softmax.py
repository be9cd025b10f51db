"""Softmax and its logarithm, over the last axis."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from chainrule import layers
from chainrule.engine.codegen.functions import exp_of_negative
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import constant, pointer
from chainrule.engine.codegen.operands import count_rows, is_operation, read
from chainrule.engine.program.instructions import Tensor
from chainrule.engine.program.lowering import Lowered, Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles, lowers
from chainrule.layers.base import Layer
from chainrule.types import Shape


class Softmax(NamedTuple):
    """y_i = exp(x_i) / Σ_j exp(x_j)."""

    x: Tensor
    y: Tensor
    classes: int


class SoftmaxDx(NamedTuple):
    """dx_i = y_i (dy_i - Σ_j dy_j y_j)."""

    dy: Tensor
    dx: Tensor
    y: Tensor
    classes: int


class LogSoftmax(NamedTuple):
    """y_i = x_i - log Σ_j exp(x_j)."""

    x: Tensor
    y: Tensor
    classes: int


class LogSoftmaxDx(NamedTuple):
    """dx_i = dy_i - exp(y_i) Σ_j dy_j."""

    dy: Tensor
    dx: Tensor
    y: Tensor
    classes: int


@lowers(layers.Softmax, layers.LogSoftmax)
def lower_softmax(to: Lowering, layer: Layer, x: Tensor, shape: Shape) -> Lowered:
    logarithm = isinstance(layer, layers.LogSoftmax)
    forward, backward = (LogSoftmax, LogSoftmaxDx) if logarithm else (Softmax, SoftmaxDx)
    y = to.output(x, x.size)
    y.owned = False  # its backward pass needs it
    to.forward(forward(x, y, shape[-1]))

    def pull(dy: Tensor) -> Tensor | None:
        dx = to.output(x, x.size)
        to.backward(backward(dy, dx, y, shape[-1]))
        return dx

    return y, pull


@handles(Softmax, LogSoftmax)
def softmax(task: Task, like: Any) -> None:
    """Softmax or its logarithm."""
    operands: Any = read(task, Softmax)
    x, y = pointer(operands.x.address, like), pointer(operands.y.address, like)
    rows = count_rows(task) * operands.x.size // operands.classes
    if is_operation(task, Softmax):
        take_softmax(x, y, rows, operands.classes, like)
    else:
        take_log_softmax(x, y, rows, operands.classes, like)


@handles(SoftmaxDx, LogSoftmaxDx)
def softmax_dx(task: Task, like: Any) -> None:
    """The backward pass of either."""
    operands: Any = read(task, SoftmaxDx)
    dy, dx = pointer(operands.dy.address, like), pointer(operands.dx.address, like)
    y, rows = pointer(operands.y.address, like), count_rows(task) * operands.dy.size
    rows = rows // operands.classes
    if is_operation(task, SoftmaxDx):
        take_softmax_dx(y, dy, dx, rows, operands.classes, like)
    else:
        take_log_softmax_dx(y, dy, dx, rows, operands.classes, like)


@kernel
def take_softmax(x: Any, y: Any, rows: int, columns: int, like: Any) -> None:
    """y_i = exp(x_i) / Σ_j exp(x_j) in every row."""
    for n in range(rows):
        highest, total = highest_and_sum(x, n * columns, columns, like)
        inverse = constant(1.0, like) / total
        for c in range(n * columns, (n + 1) * columns):
            y[c] = exp_of_negative(x[c] - highest) * inverse


@kernel
def take_softmax_dx(y: Any, dy: Any, dx: Any, rows: int, columns: int, like: Any) -> None:
    """dx_i = y_i (dy_i - Σ_j dy_j y_j) in every row."""
    for n in range(rows):
        total = constant(0.0, like)
        for c in range(n * columns, (n + 1) * columns):
            total += dy[c] * y[c]
        for c in range(n * columns, (n + 1) * columns):
            dx[c] = y[c] * (dy[c] - total)


@kernel
def take_log_softmax(x: Any, y: Any, rows: int, columns: int, like: Any) -> None:
    """y_i = x_i - log Σ_j exp(x_j) in every row."""
    for n in range(rows):
        highest, total = highest_and_sum(x, n * columns, columns, like)
        log_sum = constant(math.log(total), like)
        for c in range(n * columns, (n + 1) * columns):
            y[c] = x[c] - highest - log_sum


@kernel
def take_log_softmax_dx(y: Any, dy: Any, dx: Any, rows: int, columns: int, like: Any) -> None:
    """dx_i = dy_i - exp(y_i) Σ_j dy_j in every row."""
    for n in range(rows):
        total = constant(0.0, like)
        for c in range(n * columns, (n + 1) * columns):
            total += dy[c]
        for c in range(n * columns, (n + 1) * columns):
            dx[c] = dy[c] - exp_of_negative(y[c]) * total


@kernel
def highest_of(x: Any, begin: int, count: int) -> Any:
    """The highest of a stretch of x."""
    highest = x[begin]
    for i in range(begin + 1, begin + count):
        highest = max(highest, x[i])
    return highest


@kernel
def highest_and_sum(x: Any, begin: int, count: int, like: Any) -> Any:
    """The highest of a stretch of x, and Σ_i exp(x_i - highest)."""
    highest = highest_of(x, begin, count)
    total = constant(0.0, like)
    for i in range(begin, begin + count):
        total += exp_of_negative(x[i] - highest)
    return highest, total
