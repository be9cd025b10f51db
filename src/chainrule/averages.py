"""Averages of the weights over the steps of training: a network that has them is often better than
the one that the last step left, and depends less on which step that was.

An average holds only its settings. What it remembers stands in the `OptimizerState`, so that
checkpoints have it, and a training that goes back takes it back too. Validation, and what the
network keeps in the end, are of the average; steps go on from the weights themselves.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from chainrule.arguments import number
from chainrule.chain import Chain
from chainrule.configurable import Configurable
from chainrule.layers import BatchNorm
from chainrule.layers.base import walk
from chainrule.types import Array

__all__ = ["Average", "ExponentialAverage", "StochasticAverage"]

EXAMPLES = 2048  # that statistics are found anew from, at most
AT_A_TIME = 256

Memory = dict[str, Array]


@dataclass(frozen=True, repr=False)
class Average(Configurable):
    """The base of averages. `each_step` says that it takes in the weights after every step, and not
    only after an epoch."""

    each_step: ClassVar[bool]

    def start(self, chain: Chain) -> Memory:
        """The average before the first step: the weights as they are."""
        return {
            "parameters": chain.parameters.flat.copy(),
            "buffers": chain.buffers.flat.copy(),
            "count": np.zeros(1, np.int64),  # weights that were taken in
        }

    @abstractmethod
    def add(self, memory: Memory, chain: Chain, done: float) -> None:
        """Take in the weights; `done` is the share of the training that is over."""


@dataclass(frozen=True, repr=False)
class ExponentialAverage(Average):
    """m <- d m + (1 - d) w after every step, with d = min(decay, (1 + t) / (10 + t)) in step t, so
    that the first weights are soon forgotten. Running statistics are averaged in the same way.

    Args:
        decay: in [0, 1): with 0.999 the last 1,000 steps count most.

    Source: Polyak & Juditsky, Acceleration of Stochastic Approximation by Averaging (1992);
    the first steps as in Abadi et al., TensorFlow (2016), ExponentialMovingAverage.
    """

    decay: float = 0.999
    each_step: ClassVar[bool] = True

    def __post_init__(self) -> None:
        number(self.decay, "decay", "[0, 1)")

    def add(self, memory: Memory, chain: Chain, done: float) -> None:
        memory["count"] += 1
        step = int(memory["count"][0])
        move_towards(memory, chain, 1 - min(self.decay, (1 + step) / (10 + step)))


@dataclass(frozen=True, repr=False)
class StochasticAverage(Average):
    """The mean of the weights after each epoch of the last part of training. It needs a learning
    rate that does not vanish there: a constant schedule, or one that begins again.

    Args:
        start_at: the share of the training, below 1, after which epochs count.

    Source: Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization
    (2018), algorithm 1, with batch norm's statistics found anew.
    """

    start_at: float = 0.75
    each_step: ClassVar[bool] = False

    def __post_init__(self) -> None:
        number(self.start_at, "start_at", "[0, 1)")

    def add(self, memory: Memory, chain: Chain, done: float) -> None:
        if done > self.start_at:
            memory["count"] += 1
        move_towards(memory, chain, 1 / max(1, int(memory["count"][0])))


def move_towards(memory: Memory, chain: Chain, share: float) -> None:
    """m <- (1 - share) m + share w, for weights and buffers."""
    for name, values in (("parameters", chain.parameters.flat), ("buffers", chain.buffers.flat)):
        memory[name] *= 1 - share
        memory[name] += share * values


@contextmanager
def in_use(memory: Memory, chain: Chain) -> Iterator[None]:
    """Within this block the network has its average, if there is one."""
    if not memory:
        yield
        return
    kept = chain.parameters.flat.copy(), chain.buffers.flat.copy()
    put_in(memory, chain)
    try:
        yield
    finally:
        chain.parameters.flat[:], chain.buffers.flat[:] = kept


def put_in(memory: Memory, chain: Chain) -> None:
    """Give the network its average, if there is one."""
    if memory:
        chain.parameters.flat[:] = memory["parameters"]
        chain.buffers.flat[:] = memory["buffers"]


def find_statistics(memory: Memory, chain: Chain, x: Any) -> None:
    """Find batch norm's running statistics anew, for the average of weights that no batch has gone
    through: their plain means over batches of these examples."""
    layers = [layer for _, layer in walk(chain.root) if isinstance(layer, BatchNorm)]
    if not layers:
        return
    momenta = [layer.momentum for layer in layers]
    with in_use(memory, chain):
        try:
            for number_of_batch, start in enumerate(range(0, len(x), AT_A_TIME), start=1):
                for layer in layers:
                    layer.momentum = 1 / number_of_batch
                batch = np.asarray(x[start : start + AT_A_TIME], chain.dtype)
                chain.forward(batch, training=True)
            memory["buffers"][:] = chain.buffers.flat
        finally:
            for layer, momentum in zip(layers, momenta, strict=True):
                layer.momentum = momentum


AVERAGES: dict[str, type[Average]] = {"ema": ExponentialAverage, "swa": StochasticAverage}
