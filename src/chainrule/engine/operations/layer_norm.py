"""Layer norm: y = γ x̂ + β with x̂ = (x - mean) / σ over the last axis."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from chainrule import layers
from chainrule.engine.codegen.native import constant, pointer
from chainrule.engine.codegen.operands import count_rows, read
from chainrule.engine.operations.gradients import gather
from chainrule.engine.program.instructions import Private, Tensor
from chainrule.engine.program.lowering import Lowered, Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles, lowers
from chainrule.types import Array, Shape


class LayerNorm(NamedTuple):
    """y = γ x̂ + β; keeps x̂ and 1/σ."""

    x: Tensor
    y: Tensor
    x_hat: Tensor
    inverse: Tensor
    gamma: Array
    beta: Array
    features: int
    epsilon: float


class LayerNormDx(NamedTuple):
    """dx = (g - mean(g) - x̂ mean(g x̂)) / σ with g = γ dy; dγ += Σ dy x̂ and dβ += Σ dy."""

    dy: Tensor
    dx: Tensor
    x_hat: Tensor
    inverse: Tensor
    gamma: Array
    dgamma: Private
    dbeta: Private
    features: int


@lowers(layers.LayerNorm)
def lower_layer_norm(to: Lowering, layer: layers.LayerNorm, x: Tensor, shape: Shape) -> Lowered:
    features = shape[-1]
    y = to.output(x, x.size, learns=True)
    x_hat, inverse = Tensor(x.size), Tensor(x.size // features)
    to.forward(LayerNorm(x, y, x_hat, inverse, layer.gamma, layer.beta, features, layer.epsilon))

    def pull(dy: Tensor) -> Tensor | None:
        dgamma, dbeta = Private(features, is_sum=True), Private(features, is_sum=True)
        dx = to.output(x, x.size)
        to.backward(LayerNormDx(dy, dx, x_hat, inverse, layer.gamma, dgamma, dbeta, features))
        gather(to, layer.dgamma, dgamma)
        gather(to, layer.dbeta, dbeta)
        return dx

    return y, pull


@handles(LayerNorm)
def layer_norm(task: Task, like: Any) -> None:
    """y = γ x̂ + β, row by row."""
    operands: Any = read(task, LayerNorm)
    size = operands.features
    x, y = pointer(operands.x.address, like), pointer(operands.y.address, like)
    x_hat, inverse = pointer(operands.x_hat.address, like), pointer(operands.inverse.address, like)
    gamma, beta = pointer(operands.gamma, like), pointer(operands.beta, like)
    epsilon = constant(operands.epsilon, like)
    for n in range(count_rows(task) * operands.x.size // size):
        begin = n * size
        mean = constant(0.0, like)
        for i in range(size):
            mean += x[begin + i]
        mean /= constant(size, like)
        variance = constant(0.0, like)
        for i in range(size):
            variance += (x[begin + i] - mean) * (x[begin + i] - mean)
        variance = variance / constant(size, like) + epsilon
        inverse[n] = constant(1.0, like) / constant(math.sqrt(variance), like)
        for i in range(size):
            x_hat[begin + i] = (x[begin + i] - mean) * inverse[n]
            y[begin + i] = gamma[i] * x_hat[begin + i] + beta[i]


@handles(LayerNormDx)
def layer_norm_dx(task: Task, like: Any) -> None:
    """dx, dγ and dβ, row by row."""
    operands: Any = read(task, LayerNormDx)
    size = operands.features
    dy, dx = pointer(operands.dy.address, like), pointer(operands.dx.address, like)
    x_hat, inverse = pointer(operands.x_hat.address, like), pointer(operands.inverse.address, like)
    gamma = pointer(operands.gamma, like)
    dgamma, dbeta = pointer(operands.dgamma, like), pointer(operands.dbeta, like)
    for n in range(count_rows(task) * operands.dy.size // size):
        begin = n * size
        mean, through = constant(0.0, like), constant(0.0, like)
        for i in range(size):
            g = gamma[i] * dy[begin + i]
            mean += g
            through += g * x_hat[begin + i]
        for i in range(size):  # see `losses.sum_losses` for why it is a loop of its own
            dgamma[i] += dy[begin + i] * x_hat[begin + i]
            dbeta[i] += dy[begin + i]
        mean /= constant(size, like)
        through /= constant(size, like)
        for i in range(size):
            g = gamma[i] * dy[begin + i]
            dx[begin + i] = (g - mean - x_hat[begin + i] * through) * inverse[n]
