"""How the learning rate changes: a factor on the optimizer's rate for each step.

A schedule is a function of the moment alone (the step, how many there will be, the history so
far), with no memory of its own, so that training can go on from any epoch.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field

from chainrule.arguments import choice, integer, number
from chainrule.configurable import Configurable, Description, build
from chainrule.history import MODES, History


@dataclass(frozen=True)
class Moment:
    """Where training stands: `step` steps are done, of `epochs` · `steps_per_epoch`."""

    step: int
    steps_per_epoch: int
    epochs: int
    history: History = field(default_factory=History)

    @property
    def epoch(self) -> float:
        """How many epochs are done, with a fraction within an epoch."""
        return self.step / self.steps_per_epoch


class Schedule(Configurable):
    """The base of every schedule."""

    @property
    def reads_history(self) -> bool:
        """True if the factor depends on how training went so far. Those of a schedule that does
        not may be asked for ahead of time."""
        return True

    @abstractmethod
    def factor(self, moment: Moment) -> float:
        """What to multiply the learning rate by for the step about to be made."""


class Timetable(Schedule):
    """The base of schedules that are known before training begins."""

    @property
    def reads_history(self) -> bool:
        return False


@dataclass(frozen=True, repr=False)
class Constant(Timetable):
    """factor = 1."""

    def factor(self, moment: Moment) -> float:
        return 1.0


@dataclass(frozen=True, repr=False)
class Step(Timetable):
    """factor = decay^⌊epoch / every⌋: a drop every few epochs.

    >>> Step(every=10).factor(Moment(step=25, steps_per_epoch=1, epochs=30)).__round__(6)
    0.01
    """

    every: int = 10
    decay: float = 0.1

    def __post_init__(self) -> None:
        integer(self.every, "every")
        number(self.decay, "decay", "(0, 1]")

    def factor(self, moment: Moment) -> float:
        return float(self.decay ** (math.floor(moment.epoch) // self.every))


@dataclass(frozen=True, repr=False)
class Exponential(Timetable):
    """factor = decay^⌊epoch⌋: the same drop every epoch."""

    decay: float = 0.95

    def __post_init__(self) -> None:
        number(self.decay, "decay", "(0, 1]")

    def factor(self, moment: Moment) -> float:
        return float(self.decay ** math.floor(moment.epoch))


@dataclass(frozen=True, repr=False)
class Cosine(Timetable):
    """factor = final + (1 - final) (1 + cos(π epoch / epochs)) / 2, from 1 down to `final`.

    Source: Loshchilov & Hutter, SGDR (2017), eq. 5, without restarts.

    >>> Cosine().factor(Moment(step=5, steps_per_epoch=1, epochs=10))
    0.5
    """

    final: float = 0.0

    def __post_init__(self) -> None:
        number(self.final, "final", "[0, 1]")

    def factor(self, moment: Moment) -> float:
        return self.final + (1 - self.final) * falling_cosine(moment.epoch / moment.epochs)


@dataclass(frozen=True, repr=False)
class WarmUp(Schedule):
    """factor = (step + 1) / warm-up steps over the first `epochs`; then another schedule, as if
    training began there.

    Source: Goyal et al., Accurate, Large Minibatch SGD (2017), 2.2.
    """

    epochs: int = 1
    then: Schedule | Description = "constant"

    def __post_init__(self) -> None:
        integer(self.epochs, "epochs")
        build(self.then, SCHEDULES, "schedule")

    @property
    def reads_history(self) -> bool:
        return build(self.then, SCHEDULES, "schedule").reads_history

    def factor(self, moment: Moment) -> float:
        steps = self.epochs * moment.steps_per_epoch
        if moment.step < steps:
            return (moment.step + 1) / steps
        then = build(self.then, SCHEDULES, "schedule")
        left = max(moment.epochs - self.epochs, 1)
        return then.factor(
            Moment(moment.step - steps, moment.steps_per_epoch, left, moment.history)
        )


@dataclass(frozen=True, repr=False)
class OneCycle(Timetable):
    """Up from 1 / `start` to 1 over the `rise` part of training, then down to 1 / `end` of
    where it began, both along a cosine. The optimizer's rate is the peak.

    Source: Smith & Topin, Super-Convergence (2018), section 3; PyTorch's OneCycleLR.
    """

    rise: float = 0.3
    start: float = 25.0
    end: float = 1e4

    def __post_init__(self) -> None:
        number(self.rise, "rise", "(0, 1)")
        number(self.start, "start", "[1, inf)")
        number(self.end, "end", "[1, inf)")

    def factor(self, moment: Moment) -> float:
        low, last = 1 / self.start, 1 / (self.start * self.end)
        steps = moment.steps_per_epoch * moment.epochs
        peak = max(self.rise * steps - 1, 0)  # steps are counted from 0
        if moment.step < peak:
            return 1 + (low - 1) * falling_cosine(moment.step / peak)
        fall = max(steps - 1 - peak, 1)
        return last + (1 - last) * falling_cosine((moment.step - peak) / fall)


@dataclass(frozen=True, repr=False)
class ReduceOnPlateau(Schedule):
    """factor = decay^(number of plateaus so far). A plateau is more than `patience` epochs in
    which the watched number did not get better by a `threshold` part of itself.

    Args:
        monitor: what to watch; the validation loss, or else the loss, unless given.
        mode: "min" where smaller values are better, "max" where larger ones are; unless given,
            larger ones are of all that is not called a loss or an error, such as an accuracy.
    Source: PyTorch's ReduceLROnPlateau.
    """

    decay: float = 0.1
    patience: int = 10
    threshold: float = 1e-4
    monitor: str | None = None
    mode: str | None = None

    def __post_init__(self) -> None:
        number(self.decay, "decay", "(0, 1)")
        if self.mode is not None:
            choice(self.mode, "mode", MODES)
        integer(self.patience, "patience", at_least=0)
        number(self.threshold, "threshold", "[0, 1)")

    def factor(self, moment: Moment) -> float:
        best, waited, plateaus = math.inf, 0, 0
        for cost in moment.history.costs(self.monitor, self.mode):
            if math.isinf(best) or cost < best - self.threshold * abs(best):
                best, waited = cost, 0
            else:
                waited += 1
            if waited > self.patience:
                waited, plateaus = 0, plateaus + 1
        return float(self.decay**plateaus)


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "step": Step,
    "exponential": Exponential,
    "cosine": Cosine,
    "warm_up": WarmUp,
    "one_cycle": OneCycle,
    "reduce_on_plateau": ReduceOnPlateau,
}


def falling_cosine(part: float) -> float:
    """From 1 at part = 0 to 0 at part = 1, flat at both ends."""
    return (1 + math.cos(math.pi * part)) / 2
