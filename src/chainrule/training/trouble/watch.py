"""The callback that watches over a training: `fit` adds it by itself."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from chainrule.callbacks import Callback, Training
from chainrule.passages import Passage, Recorder, Recording
from chainrule.system.blas import one_blas_thread
from chainrule.training.trouble.ending import no_better_than_the_mean
from chainrule.training.trouble.inputs import spaced
from chainrule.training.trouble.rules import BEFORE_TRAINING, WHILE_TRAINING, Look, Rule
from chainrule.types import Array

# What looks may cost, in steps of the smallest network: a hundredth of the training. These are
# estimates, measured once, so that where a training is looked at does not depend on the machine.
SHARE = 0.01
STEPS_OF_A_LOOK = 300  # that a look takes in NumPy, however few the examples
VISITS_OF_AN_EXAMPLE = 8  # of the engine's training that an example takes in NumPy,
FORWARD_VISITS = 3  # and only forward
STEPS_OF_A_PARAMETER = 2e-4  # that a visit takes for each of the network's parameters
LOOKS, FEWEST_LOOKS = 20, 2  # during a training; there is one more before it
PROBE, SMALLEST_PROBE = 64, 8  # training examples that are looked at, the same ones every time
# So many times the probe in a closer look, forward only, where there is a suspicion; and what such
# looks may cost of the training so far.
CLOSER, SHARE_OF_CLOSER = 8, 0.02


# Looks run in NumPy, whose BLAS has locks of its own: a fork waits for the end of a look, or its
# child might find them held by a thread that it does not have.
LOOKING = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=LOOKING.acquire, after_in_parent=LOOKING.release, after_in_child=LOOKING.release
    )


class Watch(Callback):
    """Applies the rules to some training examples at a few epochs, evenly spaced, the first and the
    last among them. Each rule warns once, in `history.warnings`.

    A copy of the network is run: training is the same, bit for bit, with and without the watch.
    """

    only_shows = True

    def training_starts(self, training: Training) -> None:
        self.plan = LookPlan.of(training)
        rows = spaced(len(training.data.x), self.plan.probe)
        self.probe = np.asarray(training.data.x[rows]), np.asarray(training.data.y[rows])
        self.looked, self.next = 0, self.next_look(1)
        self.closer_looks = 0
        self.rules = list(WHILE_TRAINING)
        self.recorder: Recorder | None = None
        self.look(training, BEFORE_TRAINING)

    def next_look(self, epoch: int) -> float:
        return next((chosen for chosen in self.plan.epochs if chosen >= epoch), math.inf)

    def epoch_ends(self, training: Training) -> None:
        if len(training.history) >= self.next:
            self.look(training, self.rules)

    def training_ends(self, training: Training) -> None:
        if len(training.history) > self.looked:  # it ended early
            self.look(training, self.rules)
        self.recorder = None  # and the memory of the copy
        if len(training.history) and not training.history.was_cut_off:
            with suppress(Exception):  # of a layer of the user's own, which must not end training
                self.warn(training, no_better_than_the_mean(training))

    def state(self) -> dict[str, Any]:
        return {
            "rules": [rule.__name__ for rule in self.rules],
            "closer_looks": self.closer_looks,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.rules = [rule for rule in WHILE_TRAINING if rule.__name__ in state["rules"]]
        self.closer_looks = state["closer_looks"]

    def look(self, training: Training, rules: Sequence[Rule]) -> None:
        """Look at the training, and warn by each of the rules that has cause to."""
        with LOOKING, one_blas_thread():
            self.look_once(training, rules)

    def look_once(self, training: Training, rules: Sequence[Rule]) -> None:
        """One look, of which no fork is made."""
        self.looked = len(training.history)
        self.next = self.next_look(self.looked + 1)
        recording = self.record(training)
        if recording is None or not np.isfinite(recording.value):
            return
        look = Look(training, recording, partial(self.look_closer, training))
        for rule in rules:
            with np.errstate(all="ignore"):
                warning = rule(look)
            if warning is not None:
                self.rules = [other for other in self.rules if other is not rule]
            self.warn(training, warning)

    def warn(self, training: Training, warning: str | None) -> None:
        """Add a warning, where there is one, to those of the training."""
        warnings = training.history.warnings
        if warning is not None and warning not in warnings:  # where training goes on
            warnings.append(warning)

    def record(self, training: Training) -> Recording | None:
        """The probe in every layer, as in training; None where a layer of the user's own cannot be
        copied, or run with these examples: that must not end the training."""
        try:
            if self.recorder is None:
                self.recorder = Recorder(training.network)
            return self.recorder.record(*self.probe, training.loss, training=True)
        except Exception:
            return None

    def look_closer(self, training: Training) -> tuple[list[Passage], Array] | None:
        """More examples on their way through the layers, and their targets; None where the training
        is too short so far for what that costs, or it cannot be, as above."""
        x, y = training.data.x, training.data.y
        rows = spaced(len(x), CLOSER * self.plan.probe)
        cost = (self.closer_looks + 1) * len(rows) * FORWARD_VISITS * self.plan.visit
        training_so_far = self.looked * training.plan.examples_in_epoch(len(x)) * self.plan.visit
        affordable = STEPS_OF_A_LOOK + SHARE_OF_CLOSER * training_so_far
        if self.recorder is None or cost > affordable:
            return None
        self.closer_looks += 1
        with suppress(Exception):
            passages = self.recorder.forward(np.asarray(x[rows]), training=True)
            return passages, np.asarray(y[rows])
        return None


@dataclass(frozen=True)
class LookPlan:
    """How many examples are looked at, after which epochs, and what a visit of the engine's
    training to one example takes, in steps of the smallest network."""

    probe: int
    epochs: list[int]
    visit: float

    @classmethod
    def of(cls, training: Training) -> LookPlan:
        """As many looks as the training affords, and then at as many examples."""
        plan, available = training.plan, len(training.data.x)
        steps = plan.epochs * plan.steps_in_epoch(available)
        visits = plan.epochs * plan.examples_in_epoch(available)
        examples = SHARE * visits / VISITS_OF_AN_EXAMPLE / (FEWEST_LOOKS + 1)
        probe = int(min(max(examples, SMALLEST_PROBE), PROBE))
        visit = STEPS_OF_A_PARAMETER * training.network.parameters.flat.size
        look = STEPS_OF_A_LOOK + probe * VISITS_OF_AN_EXAMPLE * visit
        affordable = SHARE * (steps + visits * visit) / look
        looks = int(min(max(affordable, FEWEST_LOOKS), LOOKS, plan.epochs))
        return cls(probe, [round(epoch) for epoch in np.linspace(1, plan.epochs, looks)], visit)
