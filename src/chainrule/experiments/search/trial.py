"""One trial of a search: a training judged epoch by epoch, in whatever process.

It needs nothing of the search but what it is given, and answers with what came of it, so that it
may run on a machine that has neither the folder nor the database.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from chainrule.callbacks import Callback, Training
from chainrule.engine.running.threads import one_thread
from chainrule.errors import ChainruleError, DataError, OutputError, TrainingError
from chainrule.experiments.config import make_config
from chainrule.experiments.runner import prepare, train
from chainrule.history import is_better_larger

COMPLETE, PRUNED, FAIL = "COMPLETE", "PRUNED", "FAIL"  # Optuna's names of the states
WARM_UP = 0.2  # of a trial's epochs, in which it is not ended early
ONE_AT_A_TIME = Lock()  # in a process with several threads: how many BLAS uses holds for them all


@dataclass(frozen=True)
class Outcome:
    """What came of a trial: its state, the number that it is judged by after each epoch, that of
    the network which training ended with, and what went wrong, if anything did."""

    state: str
    values: tuple[float, ...] = ()
    value: float | None = None
    error: str | None = None


def run_trial(options: dict[str, Any], metric: str, medians: Sequence[float]) -> Outcome:
    """Train with these options of `train`, on one thread, so that the numbers do not depend on how
    many run side by side.

    Args:
        metric: what the trial is judged by.
        medians: of earlier trials after each epoch; one that is worse has no prospects.
    Raises:
        KeyboardInterrupt: the process was told to end.
        DataError, OutputError: what is wrong with all trials.
    """
    watch = Watch(metric, medians)
    try:
        with ONE_AT_A_TIME, one_thread():
            prepared = prepare(make_config(options))
            watch.epochs = prepared.config.epochs or 1
            history = train(prepared, [watch])
    except TrainingError as error:  # worth knowing: the next proposals keep away from there
        return Outcome(PRUNED, tuple(watch.values), error=str(error))
    except ChainruleError as error:
        if isinstance(error, (DataError, OutputError)):
            raise
        return Outcome(FAIL, error=str(error))
    if history.was_cut_off:
        raise KeyboardInterrupt
    values = tuple(watch.values)
    if watch.gave_up:
        return Outcome(PRUNED, values)
    value = float(history.kept(bool(prepared.config.early_stopping))[metric])
    if not math.isfinite(value):
        return Outcome(PRUNED, values, error=f"its {metric.replace('_', ' ')} is {value}")
    return Outcome(COMPLETE, values, value)


class Watch(Callback):
    """Notes the number of every epoch, and ends a training whose best one is worse than the median
    of earlier trials."""

    def __init__(self, metric: str, medians: Sequence[float]) -> None:
        self.metric, self.medians = metric, medians
        self.sign = 1 if is_better_larger(metric) else -1
        self.epochs = 1
        self.values: list[float] = []
        self.gave_up = False

    def epoch_ends(self, training: Training) -> None:
        self.values.append(float(training.history[-1][self.metric]))
        epoch = len(self.values)
        if not WARM_UP * self.epochs < epoch < self.epochs or epoch > len(self.medians):
            return
        best = max(self.sign * value for value in self.values)
        if best < self.sign * self.medians[epoch - 1]:
            self.gave_up = True
            training.stop("worse than the median of the trials before it")
