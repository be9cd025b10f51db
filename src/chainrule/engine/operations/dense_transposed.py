"""Dense layers of a few units, such as those of networks that learn XOR, on transposed tensors.

With four numbers in a row, a row is too short for the processor's vectors. Where a whole network is
as small as that, its tensors are transposed: a number lies beside the same number of the next
example, and every loop runs over the examples.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from chainrule import layers
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import constant, pointer, size_of
from chainrule.engine.codegen.operands import count_rows, read
from chainrule.engine.program.instructions import Tensor
from chainrule.engine.program.lowering import Lowered, Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import ELEMENTWISE, handles
from chainrule.types import Array, Shape

MOST_UNITS = 16  # in any layer of a network whose tensors are transposed


class Transpose(NamedTuple):
    """y = xᵀ."""

    x: Tensor
    y: Tensor


class DenseTransposed(NamedTuple):
    """y_o = Σ_i w_io x_i + b_o."""

    x: Tensor
    y: Tensor
    weights: Array
    bias: Array | None


class DenseTransposedDx(NamedTuple):
    """dx_i = Σ_o w_io dy_o."""

    dy: Tensor
    dx: Tensor
    weights: Array


class DenseTransposedGradient(NamedTuple):
    """dw_io (+)= Σ_n x_i dy_o and db_o (+)= Σ_n dy_o."""

    x: Tensor
    dy: Tensor
    weight_gradient: Array
    bias_gradient: Array | None
    is_first: bool  # True if nothing was added to the gradients before


# --- how layers are lowered -----------------------------------------------------------------------


def is_worth_transposing(network: layers.Sequential, shape: Shape) -> bool:
    """True if a network is a row of small dense layers and activations, with one output."""
    shapes = [shape, *network.output_shapes]
    fits = all(type(layer) in {layers.Dense, *ELEMENTWISE} for layer in network.layers)
    small = all(len(one) == 1 and one[0] <= MOST_UNITS for one in shapes)
    return fits and small and shapes[-1] == (1,)


def lower_dense_transposed(to: Lowering, layer: layers.Dense, x: Tensor) -> Lowered:
    bias, bias_gradient = (layer.b, layer.db) if layer.bias else (None, None)
    y = to.output(x, layer.out_features, learns=True)
    to.forward(DenseTransposed(x, y, layer.W, bias))

    def pull(dy: Tensor) -> Tensor | None:
        is_first = to.begins(layer.dW)
        to.shared(DenseTransposedGradient(x, dy, layer.dW, bias_gradient, is_first))
        if not x.wants_gradient:
            return None
        dx = to.output(x, x.size)
        to.backward(DenseTransposedDx(dy, dx, layer.W))
        dy.owned = False  # the sum over examples comes later
        return dx

    return y, pull


# --- kernels --------------------------------------------------------------------------------------


@handles(Transpose, blocked=False)
def transpose(task: Task, like: Any) -> None:
    """y = xᵀ."""
    operands: Any = read(task, Transpose)
    rows, size = count_rows(task), operands.x.size
    x, y = pointer(operands.x.address, like), pointer(operands.y.address, like)
    for i in range(size):
        for n in range(rows):
            y[i * rows + n] = x[n * size + i]


@handles(DenseTransposed, blocked=False)
def go_forward(task: Task, like: Any) -> None:
    """y_o = Σ_i w_io x_i + b_o."""
    operands: Any = read(task, DenseTransposed)
    weights, rows = pointer(operands.weights, like), count_rows(task)
    inputs, outputs = operands.x.size, operands.y.size
    for o in range(outputs):
        y = pointer(operands.y.address + o * rows * size_of(like), like)
        bias = pointer(operands.bias, like)[o] if operands.bias else constant(0.0, like)
        for n in range(rows):
            y[n] = bias
        for i in range(inputs):
            x = pointer(operands.x.address + i * rows * size_of(like), like)
            add_scaled(x, weights[i * outputs + o], y, rows)


@handles(DenseTransposedDx, blocked=False)
def go_back(task: Task, like: Any) -> None:
    """dx_i = Σ_o w_io dy_o."""
    operands: Any = read(task, DenseTransposedDx)
    weights, rows = pointer(operands.weights, like), count_rows(task)
    inputs, outputs = operands.dx.size, operands.dy.size
    for i in range(inputs):
        dx = pointer(operands.dx.address + i * rows * size_of(like), like)
        for n in range(rows):
            dx[n] = 0
        for o in range(outputs):
            dy = pointer(operands.dy.address + o * rows * size_of(like), like)
            add_scaled(dy, weights[i * outputs + o], dx, rows)


@handles(DenseTransposedGradient)
def add_gradient(task: Task, like: Any) -> None:
    """dw_io (+)= Σ_n x_i dy_o and db_o (+)= Σ_n dy_o."""
    operands: Any = read(task, DenseTransposedGradient)
    rows, inputs, outputs = count_rows(task), operands.x.size, operands.dy.size
    begins = task.begins and operands.is_first
    gradient = pointer(operands.weight_gradient, like)
    for o in range(outputs):
        dy = pointer(operands.dy.address + o * rows * size_of(like), like)
        for i in range(inputs):
            x = pointer(operands.x.address + i * rows * size_of(like), like)
            total = constant(0.0, like)
            for n in range(rows):
                total += x[n] * dy[n]
            before = constant(0.0, like) if begins else gradient[i * outputs + o]
            gradient[i * outputs + o] = before + total
        if operands.bias_gradient:
            total = constant(0.0, like)
            for n in range(rows):
                total += dy[n]
            bias_gradient = pointer(operands.bias_gradient, like)
            before = constant(0.0, like) if begins else bias_gradient[o]
            bias_gradient[o] = before + total


@kernel
def add_scaled(x: Any, factor: Any, y: Any, count: int) -> None:
    """y += factor x."""
    for n in range(count):
        y[n] += factor * x[n]
