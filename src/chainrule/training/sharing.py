"""A step of training in NumPy that several processes share, each with its examples of the batch.

With w the weights of all examples in the batch and w_p those of process p, the loss and its
gradient are sums over processes:

    L = Σ_p (w_p / w) L_p,      ∂L/∂W = Σ_p (w_p / w) ∂L_p/∂W.

Two kinds of layers need more than their own examples. Batch norm's means are over the whole batch,
on the way back as well; and random numbers are drawn for it, see `draws`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from chainrule.chain import Chain
from chainrule.layers import BatchNorm
from chainrule.layers.base import walk
from chainrule.losses import Loss
from chainrule.optimizers import Optimizer, OptimizerState
from chainrule.system.processes import Processes
from chainrule.training.draws import own_draws
from chainrule.training.epoch import Epoch, Steps
from chainrule.training.runner import NumpyRunner
from chainrule.types import Array


class SharingRunner(NumpyRunner):
    """The layers themselves, on this process's share of every batch."""

    def __init__(
        self,
        chain: Chain,
        loss: Loss,
        optimizer: Optimizer,
        state: OptimizerState,
        processes: Processes,
    ) -> None:
        super().__init__(chain, loss, optimizer, state)
        self.description = f"NumPy in each of {processes.count} processes"

    def steps(self, epoch: Epoch, outputs: bool, one_at_a_time: bool) -> Iterator[Steps]:
        """Make the steps of an epoch, one by one."""
        for number in range(epoch.first, len(epoch.rates)):
            seen = epoch.of_step(number)
            value, weight, own = self.shared_step(seen, number)
            rows = epoch.rows(number, number)
            y = seen.of_all(own, number, number) if outputs else None
            targets = np.asarray(epoch.data.y)[rows] if outputs else None
            yield Steps(number, np.array([value]), np.array([weight]), len(rows), y, targets)

    def shared_step(self, epoch: Epoch, number: int) -> tuple[float, float, Array]:
        """Forward, loss, backward, the sum over processes, update. The loss, the weight of the
        whole batch, and this process's outputs."""
        chain, loss, batch = self.chain, self.loss, epoch.own_batch(number)
        with own_draws(chain, epoch, number), shared_batch_norm(chain, epoch.processes):
            outputs, caches = chain.forward(batch.x, training=True)
            value, cache = loss.forward(outputs, batch.y, batch.weights)
            weight = weight_of_step(loss, epoch, number, outputs)
            share = 1.0
            if loss.reduction == "mean":
                share = loss.weight_of(outputs, batch.y, batch.weights) / (weight or 1.0)
            chain.gradients.flat[:] = 0
            chain.backward(loss.backward(cache) * share, caches)
        gradient = chain.gradients.flat
        total = epoch.processes.sum(np.append(gradient, gradient.dtype.type(value * share)))
        gradient[:] = total[:-1]
        value = float(total[-1]) + chain.penalize()
        self.update(value, epoch.rates[number])
        return value, weight, outputs


def weight_of_step(loss: Loss, epoch: Epoch, number: int, outputs: Array) -> float:
    """How much a whole batch counts, given the outputs for some of it."""
    data, rows = epoch.data, epoch.rows(number, number)
    all_outputs = np.broadcast_to(outputs[:1], (len(rows), *outputs.shape[1:]))
    weights = None if data.weights is None else data.weights[rows]
    return loss.weight_of(all_outputs, np.asarray(data.y)[rows], weights)


@contextmanager
def shared_batch_norm(chain: Chain, processes: Processes) -> Iterator[None]:
    """Within this block, batch norm's means are over the examples of all processes."""
    layers = {layer for _, layer in walk(chain.root) if type(layer) is BatchNorm}
    for layer in layers:
        layer.__dict__["_batch_statistics"] = partial(batch_statistics, layer, processes)
        layer.__dict__["backward"] = partial(backward_of_batch_norm, layer, processes)
    try:
        yield
    finally:
        for layer in layers:
            del layer.__dict__["_batch_statistics"], layer.__dict__["backward"]


def batch_statistics(layer: BatchNorm, processes: Processes, x: Array) -> tuple[Array, Array]:
    """`BatchNorm._batch_statistics`, of the values of all processes."""
    axes = tuple(range(x.ndim - 1))
    count = int(processes.sum(np.array([x.size // x.shape[-1]]))[0])
    mean = processes.sum(x.sum(axis=axes)) / count
    variance = processes.sum(((x - mean) ** 2).sum(axis=axes)) / count
    unbiased = variance * (count / max(count - 1, 1))
    layer.running_mean += layer.momentum * (mean - layer.running_mean)
    layer.running_variance += layer.momentum * (unbiased - layer.running_variance)
    return mean, variance


def backward_of_batch_norm(layer: BatchNorm, processes: Processes, dy: Array, cache: Any) -> Array:
    """`BatchNorm.backward`, where the means of g and g x̂ are over the values of all processes.

    dγ and dβ stay those of this process: the sum over processes comes with all other gradients."""
    x_hat, sigma, _ = cache
    axes = tuple(range(dy.ndim - 1))
    layer.dgamma += (dy * x_hat).sum(axis=axes)
    layer.dbeta += dy.sum(axis=axes)
    g = layer.gamma * dy
    count = int(processes.sum(np.array([dy.size // dy.shape[-1]]))[0])
    mean_g = processes.sum(g.sum(axis=axes)) / count
    mean_g_x_hat = processes.sum((g * x_hat).sum(axis=axes)) / count
    return (g - mean_g - x_hat * mean_g_x_hat) / sigma
