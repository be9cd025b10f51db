"""How the steps of training are run: layer by layer in NumPy here, compiled in `engine`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import numpy as np

from chainrule.chain import Chain
from chainrule.data.dataset import Batch
from chainrule.losses import Loss
from chainrule.optimizers import Optimizer, OptimizerState
from chainrule.training.draws import own_draws
from chainrule.training.epoch import Epoch, Steps
from chainrule.types import Array

ENGINES = ("auto", "compiled", "numpy")


class Runner(Protocol):
    """What makes the steps of an epoch."""

    @property
    def description(self) -> str:
        """What it is, in a few words."""

    @property
    def steps_at_a_time(self) -> int:
        """How many steps it makes before the trainer can look around."""

    def steps(self, epoch: Epoch, outputs: bool, one_at_a_time: bool) -> Iterator[Steps]:
        """Make the steps of an epoch. A loss that is no finite number is the last: its step moves
        nothing.

        Args:
            outputs: True if the network's outputs are wanted.
            one_at_a_time: True if the trainer has to look at every single step.
        """


class NumpyRunner:
    """The layers themselves: for each batch forward, loss, backward, and the optimizer's step."""

    description = "NumPy"
    steps_at_a_time = 1

    def __init__(
        self, chain: Chain, loss: Loss, optimizer: Optimizer, state: OptimizerState
    ) -> None:
        self.chain, self.loss, self.optimizer, self.state = chain, loss, optimizer, state

    def steps(self, epoch: Epoch, outputs: bool, one_at_a_time: bool) -> Iterator[Steps]:
        """Make the steps of an epoch, one by one."""
        for number, batch in enumerate(epoch.batches(), start=epoch.first):
            with own_draws(self.chain, epoch, number):
                value, y = self.step(batch, epoch.rates[number])
            weight = self.loss.weight_of(y, batch.y, batch.weights)
            yield Steps(number, np.array([value]), np.array([weight]), len(batch.x), y, batch.y)

    def step(self, batch: Batch, learning_rate: float) -> tuple[float, Array]:
        """Forward, loss, backward, update. The loss and the outputs, from before the update."""
        chain = self.chain
        outputs, caches = chain.forward(batch.x, training=True)
        value = chain.backward_from_loss(outputs, caches, batch.y, self.loss, batch.weights)
        self.update(value, learning_rate)
        return value, outputs

    def update(self, loss: float, learning_rate: float) -> None:
        """Move the weights by their gradients, unless the loss is no finite number."""
        chain = self.chain
        if math.isfinite(loss):
            chain.decay_weights(learning_rate)
            self.optimizer.step(
                chain.parameters.flat, chain.gradients.flat, self.state, learning_rate
            )
