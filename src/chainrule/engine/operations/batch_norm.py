"""Batch norm, in the stages that end where threads must wait for each other.

Sums over all examples are worked out by each thread for its own, and then added up by each of them,
in the same order.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from chainrule import layers
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import clear, constant, pointer
from chainrule.engine.codegen.operands import context_at, count_rows, of_thread, read
from chainrule.engine.operations.gradients import gather
from chainrule.engine.program.instructions import Private, Tensor
from chainrule.engine.program.lowering import Lowered, Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles, lowers
from chainrule.types import Array, Shape


class BatchSum(NamedTuple):
    """Σ x for each channel."""

    x: Tensor
    total: Private
    channels: int


class BatchSquares(NamedTuple):
    """The mean of all threads, and Σ (x - mean)² for each channel."""

    x: Tensor
    total: Private
    mean: Private
    squares: Private
    channels: int


class BatchNorm(NamedTuple):
    """x̂ = (x - mean) / σ and y = γ x̂ + β. Keeps x̂ and 1/σ; the running averages move."""

    x: Tensor
    y: Tensor
    x_hat: Tensor
    mean: Private
    squares: Private
    inverse: Private
    gamma: Array
    beta: Array
    running_mean: Array
    running_variance: Array
    channels: int
    epsilon: float
    momentum: float


class BatchNormFixed(NamedTuple):
    """y with the running averages, for predictions."""

    x: Tensor
    y: Tensor
    inverse: Private
    gamma: Array
    beta: Array
    running_mean: Array
    running_variance: Array
    channels: int
    epsilon: float


class BatchNormSums(NamedTuple):
    """dγ = Σ dy x̂ and dβ = Σ dy for each channel."""

    dy: Tensor
    x_hat: Tensor
    dgamma: Private
    dbeta: Private
    channels: int


class BatchNormDx(NamedTuple):
    """dx = γ (dy - mean(dy) - x̂ mean(dy x̂)) / σ, with the sums of all threads."""

    dy: Tensor
    dx: Tensor
    x_hat: Tensor
    dgamma: Private
    dbeta: Private
    all_dgamma: Private
    all_dbeta: Private
    inverse: Private
    gamma: Array
    channels: int


@lowers(layers.BatchNorm)
def lower_batch_norm(to: Lowering, layer: layers.BatchNorm, x: Tensor, shape: Shape) -> Lowered:
    channels = shape[-1]
    y = to.output(x, x.size, learns=True)
    arrays = (layer.gamma, layer.beta, layer.running_mean, layer.running_variance)
    total, squares, mean, inverse = (Private(channels) for _ in range(4))
    if not to.training:
        to.forward(BatchNormFixed(x, y, inverse, *arrays, channels, layer.epsilon))
        return y, lambda dy: None
    to.needs_whole_batch = True
    x_hat = Tensor(x.size)
    to.forward(BatchSum(x, total, channels))
    to.wait(to.code.forward)
    to.forward(BatchSquares(x, total, mean, squares, channels))
    to.wait(to.code.forward)
    settings = (channels, layer.epsilon, layer.momentum)
    to.forward(BatchNorm(x, y, x_hat, mean, squares, inverse, *arrays, *settings))

    def pull(dy: Tensor) -> Tensor | None:
        dgamma, dbeta, all_dgamma, all_dbeta = (Private(channels) for _ in range(4))
        to.backward(BatchNormSums(dy, x_hat, dgamma, dbeta, channels))
        to.wait(to.code.backward)
        dx = to.output(x, x.size)
        to.backward(
            BatchNormDx(
                dy, dx, x_hat, dgamma, dbeta, all_dgamma, all_dbeta, inverse, layer.gamma, channels
            )
        )
        gather(to, layer.dgamma, dgamma)
        gather(to, layer.dbeta, dbeta)
        return dx

    return y, pull


# --- kernels --------------------------------------------------------------------------------------


@handles(BatchSum, blocked=False)
def batch_sum(task: Task, like: Any) -> None:
    """Σ x for each channel."""
    operands: Any = read(task, BatchSum)
    channels, x = operands.channels, pointer(operands.x.address, like)
    total = pointer(operands.total, like)
    clear(total, channels)
    for p in range(count_pixels(task, operands.x, channels)):
        for k in range(channels):
            total[k] += x[p * channels + k]


@handles(BatchSquares, blocked=False)
def batch_squares(task: Task, like: Any) -> None:
    """The mean, and Σ (x - mean)² for each channel."""
    operands: Any = read(task, BatchSquares)
    channels, x = operands.channels, pointer(operands.x.address, like)
    mean, squares = pointer(operands.mean, like), pointer(operands.squares, like)
    share = constant(1.0, like) / constant(values_of_channel(task, operands.x, channels), like)
    add_threads(task, operands.total, mean, channels, share, like)
    clear(squares, channels)
    for p in range(count_pixels(task, operands.x, channels)):
        for k in range(channels):
            away = x[p * channels + k] - mean[k]
            squares[k] += away * away


@handles(BatchNorm, blocked=False)
def batch_norm(task: Task, like: Any) -> None:
    """The variance, the running averages, and y."""
    operands: Any = read(task, BatchNorm)
    channels, values = operands.channels, values_of_channel(task, operands.x, operands.channels)
    mean, inverse = pointer(operands.mean, like), pointer(operands.inverse, like)
    share = constant(1.0, like) / constant(values, like)
    add_threads(task, operands.squares, inverse, channels, share, like)
    if task.share == 0:
        momentum, unbiased = operands.momentum, values / max(values - 1, 1)
        renew(pointer(operands.running_mean, like), mean, 1.0, momentum, channels, like)
        renew(pointer(operands.running_variance, like), inverse, unbiased, momentum, channels, like)
    invert(inverse, inverse, operands.epsilon, channels, like)
    x_hat = pointer(operands.x_hat.address, like)
    scale_and_shift(task, operands, x_hat, mean, inverse, like)


@handles(BatchNormFixed)
def batch_norm_fixed(task: Task, like: Any) -> None:
    """y with the running averages."""
    operands: Any = read(task, BatchNormFixed)
    mean, inverse = pointer(operands.running_mean, like), pointer(operands.inverse, like)
    variance = pointer(operands.running_variance, like)
    invert(variance, inverse, operands.epsilon, operands.channels, like)
    y = pointer(operands.y.address, like)
    scale_and_shift(task, operands, y, mean, inverse, like)


@handles(BatchNormSums, blocked=False)
def batch_norm_sums(task: Task, like: Any) -> None:
    """Σ dy x̂ and Σ dy for each channel."""
    operands: Any = read(task, BatchNormSums)
    channels = operands.channels
    dy, x_hat = pointer(operands.dy.address, like), pointer(operands.x_hat.address, like)
    dgamma, dbeta = pointer(operands.dgamma, like), pointer(operands.dbeta, like)
    clear(dgamma, channels)
    clear(dbeta, channels)
    for p in range(count_pixels(task, operands.dy, channels)):
        at = p * channels
        for k in range(channels):
            dgamma[k] += dy[at + k] * x_hat[at + k]
            dbeta[k] += dy[at + k]


@handles(BatchNormDx, blocked=False)
def batch_norm_dx(task: Task, like: Any) -> None:
    """dx = γ (dy - mean(dy) - x̂ mean(dy x̂)) / σ."""
    operands: Any = read(task, BatchNormDx)
    channels, one = operands.channels, constant(1.0, like)
    dgamma, dbeta = pointer(operands.all_dgamma, like), pointer(operands.all_dbeta, like)
    add_threads(task, operands.dgamma, dgamma, channels, one, like)
    add_threads(task, operands.dbeta, dbeta, channels, one, like)
    dy, dx = pointer(operands.dy.address, like), pointer(operands.dx.address, like)
    x_hat, inverse = pointer(operands.x_hat.address, like), pointer(operands.inverse, like)
    gamma = pointer(operands.gamma, like)
    share = one / constant(values_of_channel(task, operands.dy, channels), like)
    for p in range(count_pixels(task, operands.dy, channels)):
        at = p * channels
        for k in range(channels):
            away = dy[at + k] - (dbeta[k] + x_hat[at + k] * dgamma[k]) * share
            dx[at + k] = gamma[k] * inverse[k] * away


@kernel
def count_pixels(task: Task, x: Any, channels: int) -> int:
    """The pixels of a task's rows."""
    return count_rows(task) * (x.size // channels)


@kernel
def values_of_channel(task: Task, x: Any, channels: int) -> int:
    """How many values of a step share a mean."""
    return task.examples * (x.size // channels)


@kernel
def scale_and_shift(
    task: Task, operands: Any, x_hat: Any, mean: Any, inverse: Any, like: Any
) -> None:
    """x̂ = (x - mean) / σ and y = γ x̂ + β, for each channel."""
    channels = operands.channels
    x, y = pointer(operands.x.address, like), pointer(operands.y.address, like)
    gamma, beta = pointer(operands.gamma, like), pointer(operands.beta, like)
    for p in range(count_pixels(task, operands.x, channels)):
        at = p * channels
        for k in range(channels):
            x_hat[at + k] = (x[at + k] - mean[k]) * inverse[k]
            y[at + k] = gamma[k] * x_hat[at + k] + beta[k]


@kernel
def add_threads(task: Task, private: int, total: Any, count: int, factor: Any, like: Any) -> None:
    """total = factor · the sum over all threads of what each has where this one has `private`."""
    clear(total, count)
    for thread in range(context_at(task.context).threads):
        part = pointer(of_thread(task, private, thread), like)
        for k in range(count):
            total[k] += part[k]
    for k in range(count):
        total[k] *= factor


@kernel
def renew(running: Any, batch: Any, factor: float, momentum: float, count: int, like: Any) -> None:
    """running += momentum (factor · batch - running)."""
    for k in range(count):
        away = constant(factor, like) * batch[k] - running[k]
        running[k] += constant(momentum, like) * away


@kernel
def invert(variance: Any, inverse: Any, epsilon: float, count: int, like: Any) -> None:
    """1 / sqrt(variance + ε)."""
    for k in range(count):
        sigma = math.sqrt(variance[k] + constant(epsilon, like))
        inverse[k] = constant(1.0, like) / constant(sigma, like)
