"""Local SGD: each process makes steps of its own, and now and then they take the mean of what they
have learnt.

With W_p the weights of process p after H steps on its own examples, all go on from

    W = (1 / P) Σ_p W_p,

and the same holds for the optimizer's memory and the averages of batch norm. With H = 1 and SGD
this is one step with the mean of the gradients; with a larger H there are fewer messages.

Source: Stich, Local SGD Converges Fast and Communicates Little (2019), algorithm 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from chainrule.chain import Chain
from chainrule.losses import Loss
from chainrule.optimizers import OptimizerState
from chainrule.system.processes import Processes
from chainrule.training.epoch import Epoch, Steps
from chainrule.training.last_good import trained_arrays
from chainrule.training.runner import Runner
from chainrule.types import Array


class LocalRunner:
    """Steps of this process alone, on its share of every batch, and the means after each `every` of
    them and at the end of an epoch. What callbacks see of these steps is the last one.

    Args:
        chain, loss, state: what is trained, and with what memory.
        runner: what makes the steps.
    """

    steps_at_a_time = 1

    def __init__(
        self,
        chain: Chain,
        loss: Loss,
        state: OptimizerState,
        runner: Runner,
        processes: Processes,
        every: int,
    ) -> None:
        self.chain, self.loss, self.state = chain, loss, state
        self.runner, self.processes, self.every = runner, processes, every
        self.description = (
            f"{runner.description} in each of {processes.count} processes, which take the mean of "
            f"their weights every {every} steps"
        )

    def steps(self, epoch: Epoch, outputs: bool, one_at_a_time: bool) -> Iterator[Steps]:
        """Make the steps of an epoch, as many at a time as processes make by themselves."""
        own = epoch.of_this_process()
        for first in range(epoch.first, len(epoch.rates), self.every):
            end = min(first + self.every, len(epoch.rates))
            part = replace(own, first=first, rates=epoch.rates[:end])
            made = list(self.runner.steps(part, outputs, one_at_a_time))
            losses, weights = self._merge(made, end - first)
            if np.isfinite(losses[-1]):
                self._take_means()
            examples = epoch.count(first, end - 1)
            y, targets = self._gather(made) if outputs else (None, None)
            yield Steps(end - 1, losses, weights, examples, y, targets)

    def _merge(self, made: Sequence[Steps], count: int) -> tuple[Array, Array]:
        """Losses and weights of `count` steps, of all processes together. Where one of the losses
        is no finite number, the last is none."""
        losses = np.concatenate([steps.losses for steps in made])
        weights = np.concatenate([steps.weights for steps in made])
        if self.processes.any(len(losses) < count or not np.isfinite(losses[-1])):
            return np.full(count, np.nan), np.ones(count)
        if self.loss.reduction == "sum":
            return self.processes.sum(losses), self.processes.sum(weights)
        total = self.processes.sum(weights)
        return self.processes.sum(losses * weights) / np.where(total, total, 1.0), total

    def _gather(self, made: Sequence[Steps]) -> tuple[Array, Array]:
        """Outputs and targets of the examples of all processes."""
        outputs = np.concatenate([steps.outputs for steps in made if steps.outputs is not None])
        targets = np.concatenate([steps.targets for steps in made])
        gather = self.processes.gather
        return np.concatenate(gather(outputs)), np.concatenate(gather(targets))

    def _take_means(self) -> None:
        """Have all processes go on from the mean of what each has learnt."""
        for array in trained_arrays(self.chain, self.state).values():
            array[...] = self.processes.sum(array) / self.processes.count
