"""What can be hooked into training: a callback is told when something begins or ends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np

from chainrule.arguments import choice, integer, number
from chainrule.chain import Chain
from chainrule.data.training import Plan, TrainingData
from chainrule.errors import ArgumentError
from chainrule.history import MODES, History
from chainrule.losses import Loss
from chainrule.objective import Objective
from chainrule.optimizers import Optimizer
from chainrule.presentation.display import counted
from chainrule.schedules import Moment, Schedule

__all__ = ["Callback", "EarlyStopping", "Training"]


class Training(Protocol):
    """What a callback sees of a training: all of it to look at. `stop` ends it, `note` adds to its
    history; nothing else changes anything."""

    @property
    def network(self) -> Chain:
        """What is trained."""

    @property
    def loss(self) -> Loss:
        """What it is trained to make small, of outputs and targets as in `data`."""

    @property
    def objective(self) -> Objective:
        """That loss, and how it comes to be in the unit of the user's targets."""

    @property
    def optimizer(self) -> Optimizer:
        """What makes a step of a gradient."""

    @property
    def schedule(self) -> Schedule:
        """What its learning rate follows."""

    @property
    def data(self) -> TrainingData:
        """The examples that it is trained on, targets as the layers know them."""

    @property
    def held_out(self) -> TrainingData | None:
        """The examples that it is validated on."""

    @property
    def plan(self) -> Plan:
        """How long, and in what batches."""

    @property
    def history(self) -> History:
        """The epochs so far."""

    @property
    def moment(self) -> Moment:
        """The step made last."""

    @property
    def step_loss(self) -> float:
        """The loss before that step, of outputs and targets as the layers know them."""

    @property
    def examples_seen(self) -> int:
        """How many examples training has visited so far."""

    @property
    def notices(self) -> list[str]:
        """What to know of this training before it begins, a sentence each: why its steps run in
        NumPy, from which checkpoint it goes on."""

    @property
    def callbacks(self) -> Sequence[Callback]:
        """All that are told."""

    def stop(self, reason: str) -> None:
        """End training after this epoch; the history keeps the reason."""

    def note(self, **numbers: float) -> None:
        """Add what was measured to the record of the epoch that has ended."""


class Callback:
    """The base of callbacks; override what you need.

    A callback sees the training: `training.network`, `training.history`, and
    `training.stop("reason")`, which ends it after this epoch.

    >>> class PrintLoss(Callback):
    ...     def epoch_ends(self, training):
    ...         print(training.history[-1]["loss"])

    A callback that only shows how far training has come says so with `only_shows`. The compiled
    engine may then tell it of several steps or epochs at once, after the last of them.
    """

    only_shows: ClassVar[bool] = False

    def next_look(self, epoch: int) -> float:
        """The next epoch, from this one on, after which a callback that only shows has to see the
        network as it then is; none unless overridden."""
        return math.inf

    def training_starts(self, training: Training) -> None:
        """Before the first epoch."""

    def step_ends(self, training: Training) -> None:
        """After each step of the optimizer: `training.moment` says which, `training.step_loss` what
        the loss was before it."""

    def epoch_ends(self, training: Training) -> None:
        """After each epoch, when its record is in the history."""

    def training_ends(self, training: Training) -> None:
        """After the last epoch, an early stop, or Ctrl-C."""

    def state(self) -> dict[str, Any]:
        """What this callback remembers, for a checkpoint: arrays and plain data by name."""
        return {}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what `state` gave, after `training_starts`."""


class EarlyStopping(Callback):
    """Stop when the watched number no longer improves, and go back to the best weights.

    Args:
        patience: how many epochs in a row without improvement are waited for.
        monitor: which entry of the history to watch; the validation loss, or the loss where
            there is no validation, unless given.
        mode: "min" where smaller values are better, "max" where larger ones are; unless given,
            larger ones are of all that is not called a loss or an error, such as an accuracy.
        min_change: improvements smaller than this do not count.

    Source: Prechelt, Early Stopping - But When? (1998).
    """

    def __init__(
        self,
        patience: int = 5,
        monitor: str | None = None,
        min_change: float = 0.0,
        mode: str | None = None,
    ) -> None:
        self.patience = integer(patience, "patience")
        self.monitor = monitor
        self.mode = None if mode is None else choice(mode, "mode", MODES)
        self.min_change = number(min_change, "min_change", "[0, inf)")

    def training_starts(self, training: Training) -> None:
        self.best = np.inf
        self.best_epoch = 0
        self.remember(training)

    def remember(self, training: Training) -> None:
        """Keep a copy of the weights as they are now."""
        state = training.network.state
        self.parameters, self.buffers = state.parameters.flat.copy(), state.buffers.flat.copy()

    def epoch_ends(self, training: Training) -> None:
        cost = training.history.costs(self.monitor, self.mode)[-1]
        epoch = len(training.history)
        if cost < self.best - self.min_change:
            self.best, self.best_epoch = cost, epoch
            self.remember(training)
        elif epoch - self.best_epoch >= self.patience:
            training.stop(f"no improvement for {counted(self.patience, 'epoch')}")

    def state(self) -> dict[str, Any]:
        names = ("best", "best_epoch", "parameters", "buffers")
        return {name: getattr(self, name) for name in names}

    def restore(self, state: Mapping[str, Any]) -> None:
        vars(self).update(state)

    def training_ends(self, training: Training) -> None:
        if self.best_epoch:
            training.network.parameters.flat[:] = self.parameters
            training.network.buffers.flat[:] = self.buffers


def check_callback(callback: Callback) -> Callback:
    """Refuse what is no callback, such as a class in the place of an object."""
    if not isinstance(callback, Callback):
        raise ArgumentError(
            f"callbacks is a list of objects such as EarlyStopping(); received {callback!r} in it"
        )
    return callback
