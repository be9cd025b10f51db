"""Layer norm, and batch norm in the stages that end where threads must wait for each other."""

from __future__ import annotations

import math
from typing import Any

from chainrule.engine.codegen.native import clear, constant, kernel, pointer
from chainrule.engine.codegen.scene import read
from chainrule.engine.program import column, place
from chainrule.engine.program.instructions import Op


@kernel
def layer_norm(
    x: Any,
    y: Any,
    x_hat: Any,
    inverse: Any,
    gamma: Any,
    beta: Any,
    epsilon: float,
    rows: int,
    size: int,
    like: Any,
) -> None:
    """y = γ x̂ + β over rows; keeps x̂ and 1/σ."""
    for n in range(rows):
        begin = n * size
        mean = constant(0.0, like)
        for i in range(size):
            mean += x[begin + i]
        mean /= constant(size, like)
        variance = constant(0.0, like)
        for i in range(size):
            variance += (x[begin + i] - mean) * (x[begin + i] - mean)
        variance = variance / constant(size, like) + constant(epsilon, like)
        inverse[n] = constant(1.0, like) / constant(math.sqrt(variance), like)
        for i in range(size):
            x_hat[begin + i] = (x[begin + i] - mean) * inverse[n]
            y[begin + i] = gamma[i] * x_hat[begin + i] + beta[i]


@kernel
def layer_norm_dx(
    dy: Any,
    x_hat: Any,
    inverse: Any,
    dx: Any,
    gamma: Any,
    dgamma: Any,
    dbeta: Any,
    rows: int,
    size: int,
    like: Any,
) -> None:
    """dx = (g - mean(g) - x̂ mean(g x̂)) / σ with g = γ dy, over rows."""
    for n in range(rows):
        begin = n * size
        mean, through = constant(0.0, like), constant(0.0, like)
        for i in range(size):
            g = gamma[i] * dy[begin + i]
            mean += g
            through += g * x_hat[begin + i]
            dgamma[i] += dy[begin + i] * x_hat[begin + i]
            dbeta[i] += dy[begin + i]
        mean /= constant(size, like)
        through /= constant(size, like)
        for i in range(size):
            g = gamma[i] * dy[begin + i]
            dx[begin + i] = (g - mean - x_hat[begin + i] * through) * inverse[n]


@kernel
def batch_sum(x: Any, total: Any, rows: int, channels: int) -> None:
    """Σ x for each channel."""
    clear(total, channels)
    for p in range(rows):
        for k in range(channels):
            total[k] += x[p * channels + k]


@kernel
def batch_squares(x: Any, mean: Any, total: Any, rows: int, channels: int) -> None:
    """Σ (x - mean)² for each channel."""
    clear(total, channels)
    for p in range(rows):
        for k in range(channels):
            away = x[p * channels + k] - mean[k]
            total[k] += away * away


@kernel
def scale_and_shift(
    x: Any,
    y: Any,
    x_hat: Any,
    mean: Any,
    inverse: Any,
    g: Any,
    b: Any,
    rows: int,
    channels: int,
) -> None:
    """x̂ = (x - mean) / σ and y = γ x̂ + β, for each channel."""
    for p in range(rows):
        at = p * channels
        for k in range(channels):
            x_hat[at + k] = (x[at + k] - mean[k]) * inverse[k]
            y[at + k] = g[k] * x_hat[at + k] + b[k]


@kernel
def batch_norm_sums(dy: Any, x_hat: Any, dgamma: Any, dbeta: Any, rows: int, channels: int) -> None:
    """Σ dy x̂ and Σ dy for each channel."""
    clear(dgamma, channels)
    clear(dbeta, channels)
    for p in range(rows):
        at = p * channels
        for k in range(channels):
            dgamma[k] += dy[at + k] * x_hat[at + k]
            dbeta[k] += dy[at + k]


@kernel
def batch_norm_dx(
    dy: Any,
    x_hat: Any,
    dx: Any,
    inverse: Any,
    gamma: Any,
    dgamma: Any,
    dbeta: Any,
    count: int,
    rows: int,
    channels: int,
    like: Any,
) -> None:
    """dx = γ (dy - mean(dy) - x̂ mean(dy x̂)) / σ, for each channel of `count` values."""
    share = constant(1.0, like) / constant(count, like)
    for p in range(rows):
        at = p * channels
        for k in range(channels):
            away = dy[at + k] - (dbeta[k] + x_hat[at + k] * dgamma[k]) * share
            dx[at + k] = gamma[k] * inverse[k] * away


@kernel
def add_threads(context: Any, private: int, total: Any, count: int, factor: Any, like: Any) -> None:
    """total = factor · the sum over all threads of what each has at `private`."""
    clear(total, count)
    for thread in range(context[place.THREADS]):
        at = context[place.PRIVATE] + thread * context[place.PRIVATE_BYTES] + private
        part = pointer(at, like)
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


def handle_layer_norm(task: int, like: Any) -> None:
    """Layer norm in both directions."""
    scene = read(task)
    x, y = pointer(scene.x, like), pointer(scene.y, like)
    x_hat, inverse = pointer(scene.z, like), pointer(scene.more, like)
    size, gamma = scene.size[0], pointer(scene.array[0], like)
    rows = scene.rows * scene.x_size // size
    if scene.op == Op.LAYER_NORM:
        beta = pointer(scene.array[1], like)
        layer_norm(x, y, x_hat, inverse, gamma, beta, scene.number[0], rows, size, like)
    else:
        dgamma = pointer(scene.own + scene.private[0], like)
        dbeta = pointer(scene.own + scene.private[1], like)
        layer_norm_dx(x, x_hat, inverse, y, gamma, dgamma, dbeta, rows, size, like)


def handle_batch_norm(task: int, like: Any) -> None:
    """One stage of batch norm. Sums of all threads are added up by each, in the same order."""
    scene = read(task)
    context = scene.context
    channels = scene.size[0]
    values = scene.task[column.COUNT] * scene.size[1]  # that share a mean
    rows = scene.rows * scene.size[1]
    op, private, array = scene.op, scene.private, scene.array
    x, y, x_hat = pointer(scene.x, like), pointer(scene.y, like), pointer(scene.z, like)
    first = pointer(scene.own + private[0], like)
    second = pointer(scene.own + private[1], like)
    third = pointer(scene.own + private[2], like)
    fourth = pointer(scene.own + private[3], like)
    gamma, beta = pointer(array[0], like), pointer(array[1], like)
    one = constant(1.0, like)
    if op == Op.BATCH_SUM:
        batch_sum(x, first, rows, channels)
    elif op == Op.BATCH_SQUARES:
        add_threads(context, private[0], third, channels, one / constant(values, like), like)
        batch_squares(x, third, second, rows, channels)
    elif op == Op.BATCH_NORM:
        add_threads(context, private[1], fourth, channels, one / constant(values, like), like)
        if scene.thread == 0:
            unbiased = values / max(values - 1, 1)
            renew(pointer(array[2], like), third, 1.0, scene.number[1], channels, like)
            renew(pointer(array[3], like), fourth, unbiased, scene.number[1], channels, like)
        invert(fourth, fourth, scene.number[0], channels, like)
        scale_and_shift(x, y, x_hat, third, fourth, gamma, beta, rows, channels)
    elif op == Op.BATCH_NORM_FIXED:
        invert(pointer(array[3], like), first, scene.number[0], channels, like)
        mean = pointer(array[2], like)
        scale_and_shift(x, y, y, mean, first, gamma, beta, rows, channels)
    elif op == Op.BATCH_NORM_SUMS:
        batch_norm_sums(x, x_hat, first, second, rows, channels)
    else:
        add_threads(context, private[0], third, channels, one, like)
        add_threads(context, private[1], fourth, channels, one, like)
        inverse = pointer(scene.own + private[4], like)
        batch_norm_dx(x, x_hat, y, inverse, gamma, third, fourth, values, rows, channels, like)
