"""Batch norm, in the stages that end where threads must wait for each other.

Each share has the mean and the squares of its own examples; what all of them have is then merged by
each of them, in the same order. Where several processes train together, one share of each process
has what all processes have, and the others have nothing. Only x is kept for the way back: x̂ is
(x - mean) / σ again.

Loops go over some pixels at a time, `width` numbers, so that they are long where channels are few:
what belongs to a channel stands once for each of these pixels.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from chainrule import layers
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import clear, constant, copy, pointer, size_of
from chainrule.engine.codegen.operands import context_at, count_rows, of_thread, read
from chainrule.engine.operations.gradients import gather
from chainrule.engine.operations.processes import ask_processes
from chainrule.engine.program.instructions import Private, Tensor
from chainrule.engine.program.lowering import Lowered, Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles, lowers
from chainrule.types import Array, Shape

BLOCK_BYTES = 16 << 10  # of x, read twice
WIDTH = 128  # numbers at a time, at least half as many


class Moments(NamedTuple):
    """Of some values, for each channel: how many, their mean, and Σ (x - mean)²."""

    values: Private
    mean: Private
    squares: Private


class BatchMoments(NamedTuple):
    """The moments of a share's values."""

    x: Tensor
    block: Moments  # those of some pixels
    own: Moments
    channels: int
    width: int


class ExchangeMoments(NamedTuple):
    """The moments of the values of all processes, as those of the first share."""

    own: Moments  # of each share
    all: Moments
    message: Private
    function: int
    channels: int


class ExchangeSums(NamedTuple):
    """The sums over all processes of dγ and dβ, as those of the first share."""

    dgamma: Private  # of each share
    dbeta: Private
    all_dgamma: Private
    all_dbeta: Private
    message: Private
    function: int
    channels: int


class BatchNorm(NamedTuple):
    """x̂ = (x - mean) / σ and y = γ x̂ + β, with the moments of all shares. Keeps the mean and 1/σ;
    the running averages move."""

    x: Tensor
    y: Tensor
    own: Moments
    all: Moments
    inverse: Private
    room: Private
    gamma: Array
    beta: Array
    running_mean: Array
    running_variance: Array
    channels: int
    width: int
    epsilon: float
    momentum: float


class BatchNormFixed(NamedTuple):
    """y with the running averages, for predictions."""

    x: Tensor
    y: Tensor
    mean: Private
    inverse: Private
    room: Private
    gamma: Array
    beta: Array
    running_mean: Array
    running_variance: Array
    channels: int
    width: int
    epsilon: float


class BatchNormSums(NamedTuple):
    """dγ = Σ dy x̂ and dβ = Σ dy for each channel."""

    dy: Tensor
    x: Tensor
    mean: Private
    inverse: Private
    dgamma: Private
    dbeta: Private
    channels: int
    width: int


class BatchNormDx(NamedTuple):
    """dx = γ (dy - mean(dy) - x̂ mean(dy x̂)) / σ, with the sums of all threads."""

    dy: Tensor
    dx: Tensor
    x: Tensor
    mean: Private
    inverse: Private
    dgamma: Private
    dbeta: Private
    all_dgamma: Private
    all_dbeta: Private
    scale: Private
    gamma: Array
    channels: int
    width: int


@lowers(layers.BatchNorm)
def lower_batch_norm(to: Lowering, layer: layers.BatchNorm, x: Tensor, shape: Shape) -> Lowered:
    channels = shape[-1]
    width = channels * max(WIDTH // channels, 1)
    y, inverse, room = to.output(x, x.size, learns=True), Private(width), Private(2 * width)
    arrays = (layer.gamma, layer.beta, layer.running_mean, layer.running_variance)
    settings = (channels, width, layer.epsilon)
    if not to.training:
        to.forward(BatchNormFixed(x, y, Private(width), inverse, room, *arrays, *settings))
        return y, lambda dy: None
    to.needs_whole_batch = True
    block, own, all_shares = (moments(width) for _ in range(3))
    to.forward(BatchMoments(x, block, own, channels, width))
    to.wait(to.code.forward)
    own = exchange_moments(to, own, channels)
    to.forward(BatchNorm(x, y, own, all_shares, inverse, room, *arrays, *settings, layer.momentum))

    def pull(dy: Tensor) -> Tensor | None:
        dgamma, dbeta, all_dgamma, all_dbeta, scale = (Private(width) for _ in range(5))
        kept = (x, all_shares.mean, inverse)
        to.backward(BatchNormSums(dy, *kept, dgamma, dbeta, channels, width))
        to.wait(to.code.backward)
        dx = to.output(x, x.size)
        sums = (*exchange_sums(to, dgamma, dbeta, channels), all_dgamma, all_dbeta)
        to.backward(BatchNormDx(dy, dx, *kept, *sums, scale, layer.gamma, channels, width))
        gather(to, layer.dgamma, dgamma)
        gather(to, layer.dbeta, dbeta)
        return dx

    return y, pull


def moments(width: int) -> Moments:
    """Memory for them."""
    return Moments(Private(1), Private(width), Private(width))


def exchange_moments(to: Lowering, own: Moments, channels: int) -> Moments:
    """The moments to be merged: those of each share, or of all processes where there are others."""
    if to.exchange is None:
        return own
    merged, message = moments(channels), Private(1 + 2 * channels)
    function = to.exchange.moments_of(channels)
    to.forward(ExchangeMoments(own, merged, message, function, channels))
    to.wait(to.code.forward)
    return merged


def exchange_sums(
    to: Lowering, dgamma: Private, dbeta: Private, channels: int
) -> tuple[Private, Private]:
    """The same for dγ and dβ."""
    if to.exchange is None:
        return dgamma, dbeta
    all_dgamma, all_dbeta, message = Private(channels), Private(channels), Private(2 * channels)
    function = to.exchange.sum_of(2 * channels)
    to.backward(ExchangeSums(dgamma, dbeta, all_dgamma, all_dbeta, message, function, channels))
    to.wait(to.code.backward)
    return all_dgamma, all_dbeta


# --- kernels --------------------------------------------------------------------------------------


@handles(BatchMoments, blocked=False)
def batch_moments(task: Task, like: Any) -> None:
    """The moments of a share: those of some pixels, which stay in the cache for both sums, merged
    with those of all before them."""
    operands: Any = read(task, BatchMoments)
    channels, width, item = operands.channels, operands.width, size_of(like)
    size = count_numbers(task, operands.x)
    at_a_time = max(BLOCK_BYTES // (width * item), 1) * width
    clear_moments(operands.own, channels, like)
    for first in range(0, size, at_a_time):
        count = min(at_a_time, size - first)
        x = pointer(operands.x.address + first * item, like)
        sum_moments(x, count, operands.block, channels, width, like)
        merge(operands.own, operands.block, channels, like)


@kernel
def clear_moments(of: Moments, channels: int, like: Any) -> None:
    """Those of no values."""
    clear(pointer(of.values, like), 1)
    clear(pointer(of.mean, like), channels)
    clear(pointer(of.squares, like), channels)


@kernel
def sum_moments(x: Any, size: int, block: Moments, channels: int, width: int, like: Any) -> None:
    """The moments of so many numbers."""
    mean, squares = pointer(block.mean, like), pointer(block.squares, like)
    values = constant(size // channels, like)
    clear_moments(block, width, like)
    pointer(block.values, like)[0] = values
    for at in range(0, size, width):
        for k in range(min(width, size - at)):
            mean[k] += x[at + k]
    add_up(mean, channels, width)
    for k in range(channels):
        mean[k] /= values
    repeat(mean, channels, width)
    for at in range(0, size, width):
        for k in range(min(width, size - at)):
            away = x[at + k] - mean[k]
            squares[k] += away * away
    add_up(squares, channels, width)


@kernel
def add_up(sums: Any, channels: int, width: int) -> None:
    """The sums of each channel, one for each pixel of `width`, added to the first."""
    for first in range(channels, width, channels):
        for k in range(channels):
            sums[k] += sums[first + k]


@kernel
def repeat(values: Any, channels: int, width: int) -> None:
    """What belongs to the channels, for every pixel of `width`."""
    for first in range(channels, width, channels):
        for k in range(channels):
            values[first + k] = values[k]


@kernel
def merge(into: Moments, other: Moments, channels: int, like: Any) -> None:
    """The moments of two sets of values together (Chan, Golub & LeVeque 1983, equations 2.1)."""
    mean, squares = pointer(into.mean, like), pointer(into.squares, like)
    other_mean, other_squares = pointer(other.mean, like), pointer(other.squares, like)
    count, added = pointer(into.values, like), pointer(other.values, like)[0]
    if added == 0:
        return
    part = added / (count[0] + added)
    between = count[0] * part
    count[0] += added
    for k in range(channels):
        away = other_mean[k] - mean[k]
        mean[k] += away * part
        squares[k] += other_squares[k] + away * away * between


@kernel
def merge_shares(task: Task, own: Moments, into: Moments, channels: int, like: Any) -> None:
    """The moments of all shares together."""
    clear_moments(into, channels, like)
    for share in range(context_at(task.context).threads):
        other = Moments(
            of_thread(task, own.values, share),
            of_thread(task, own.mean, share),
            of_thread(task, own.squares, share),
        )
        merge(into, other, channels, like)


@handles(ExchangeMoments, blocked=False)
def exchange_batch_moments(task: Task, like: Any) -> None:
    """The moments of all shares here, then of all processes, by the first share."""
    if task.share != 0:
        return
    operands: Any = read(task, ExchangeMoments)
    channels, item, message = operands.channels, size_of(like), operands.message
    into = Moments(message, message + item, message + (1 + channels) * item)
    merge_shares(task, operands.own, into, channels, like)
    ask_processes(task, operands.function, message, like)
    clear_moments(operands.all, channels, like)
    merge(operands.all, into, channels, like)


@handles(ExchangeSums, blocked=False)
def exchange_batch_sums(task: Task, like: Any) -> None:
    """The sums of all shares here, then of all processes, by the first share."""
    if task.share != 0:
        return
    operands: Any = read(task, ExchangeSums)
    channels, one = operands.channels, constant(1.0, like)
    dgamma = pointer(operands.message, like)
    dbeta = pointer(operands.message + channels * size_of(like), like)
    add_threads(task, operands.dgamma, dgamma, channels, one, like)
    add_threads(task, operands.dbeta, dbeta, channels, one, like)
    ask_processes(task, operands.function, operands.message, like)
    copy(dgamma, pointer(operands.all_dgamma, like), channels)
    copy(dbeta, pointer(operands.all_dbeta, like), channels)


@handles(BatchNorm, blocked=False)
def batch_norm(task: Task, like: Any) -> None:
    """The variance, the running averages, and y."""
    operands: Any = read(task, BatchNorm)
    channels, values = operands.channels, values_of_channel(task, operands.x, operands.channels)
    merge_shares(task, operands.own, operands.all, channels, like)
    mean, variance = pointer(operands.all.mean, like), pointer(operands.all.squares, like)
    for k in range(channels):
        variance[k] /= constant(values, like)
    if task.share == 0:
        momentum, unbiased = operands.momentum, values / max(values - 1, 1)
        renew(pointer(operands.running_mean, like), mean, 1.0, momentum, channels, like)
        renew(
            pointer(operands.running_variance, like), variance, unbiased, momentum, channels, like
        )
    inverse = pointer(operands.inverse, like)
    invert(variance, inverse, operands.epsilon, channels, like)
    scale_and_shift(task, operands, mean, inverse, like)


@handles(BatchNormFixed)
def batch_norm_fixed(task: Task, like: Any) -> None:
    """y with the running averages."""
    operands: Any = read(task, BatchNormFixed)
    channels = operands.channels
    mean, inverse = pointer(operands.mean, like), pointer(operands.inverse, like)
    copy(pointer(operands.running_mean, like), mean, channels)
    variance = pointer(operands.running_variance, like)
    invert(variance, inverse, operands.epsilon, channels, like)
    scale_and_shift(task, operands, mean, inverse, like)


@handles(BatchNormSums, blocked=False)
def batch_norm_sums(task: Task, like: Any) -> None:
    """Σ dy x̂ and Σ dy for each channel."""
    operands: Any = read(task, BatchNormSums)
    channels, width = operands.channels, operands.width
    dy, x = pointer(operands.dy.address, like), pointer(operands.x.address, like)
    mean, inverse = pointer(operands.mean, like), pointer(operands.inverse, like)
    dgamma, dbeta = pointer(operands.dgamma, like), pointer(operands.dbeta, like)
    clear(dgamma, width)
    clear(dbeta, width)
    size = count_numbers(task, operands.dy)
    for at in range(0, size, width):
        for k in range(min(width, size - at)):
            dgamma[k] += dy[at + k] * (x[at + k] - mean[k])
            dbeta[k] += dy[at + k]
    add_up(dgamma, channels, width)
    add_up(dbeta, channels, width)
    for k in range(channels):
        dgamma[k] *= inverse[k]


@handles(BatchNormDx, blocked=False)
def batch_norm_dx(task: Task, like: Any) -> None:
    """dx = γ (dy - mean(dy) - x̂ mean(dy x̂)) / σ."""
    operands: Any = read(task, BatchNormDx)
    channels, width, one = operands.channels, operands.width, constant(1.0, like)
    share = one / constant(values_of_channel(task, operands.dy, channels), like)
    through, dy_mean = pointer(operands.all_dgamma, like), pointer(operands.all_dbeta, like)
    add_threads(task, operands.dgamma, through, channels, share, like)
    add_threads(task, operands.dbeta, dy_mean, channels, share, like)
    inverse, gamma = pointer(operands.inverse, like), pointer(operands.gamma, like)
    scale = pointer(operands.scale, like)
    for k in range(channels):
        through[k] *= inverse[k]
        scale[k] = gamma[k] * inverse[k]
    repeat(through, channels, width)
    repeat(dy_mean, channels, width)
    repeat(scale, channels, width)
    dy, dx = pointer(operands.dy.address, like), pointer(operands.dx.address, like)
    x, mean = pointer(operands.x.address, like), pointer(operands.mean, like)
    size = count_numbers(task, operands.dy)
    for at in range(0, size, width):
        for k in range(min(width, size - at)):
            away = dy[at + k] - dy_mean[k] - (x[at + k] - mean[k]) * through[k]
            dx[at + k] = scale[k] * away


@kernel
def count_numbers(task: Task, x: Any) -> int:
    """The numbers of a task's rows."""
    return count_rows(task) * x.size


@kernel
def values_of_channel(task: Task, x: Any, channels: int) -> int:
    """How many values of a step share a mean."""
    return task.examples * (x.size // channels)


@kernel
def scale_and_shift(task: Task, operands: Any, mean: Any, inverse: Any, like: Any) -> None:
    """y = γ (x - mean) / σ + β for each channel."""
    channels, width = operands.channels, operands.width
    x, y = pointer(operands.x.address, like), pointer(operands.y.address, like)
    gamma, beta = pointer(operands.gamma, like), pointer(operands.beta, like)
    scale = pointer(operands.room, like)
    shift = pointer(operands.room + width * size_of(like), like)
    for k in range(channels):
        scale[k], shift[k] = gamma[k] * inverse[k], beta[k]
    repeat(mean, channels, width)
    repeat(scale, channels, width)
    repeat(shift, channels, width)
    size = count_numbers(task, operands.x)
    for at in range(0, size, width):
        for k in range(min(width, size - at)):
            y[at + k] = (x[at + k] - mean[k]) * scale[k] + shift[k]


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
