"""The training loop.

For each epoch, for each batch: forward, loss, backward, one step of the optimizer (`run_step`). All
else here is bookkeeping: what is reported, and when to stop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.callbacks import Callback, check_callback
from chainrule.configurable import Description, build
from chainrule.data.dataset import Batch
from chainrule.data.training import Plan, TrainingData
from chainrule.errors import ArgumentError, DataError, TrainingError
from chainrule.history import History, Record
from chainrule.losses import LOSSES, Loss
from chainrule.metrics import Metric, as_metric
from chainrule.network import measure
from chainrule.optimizers import OPTIMIZERS, Optimizer
from chainrule.parameters import Array
from chainrule.schedules import SCHEDULES, Moment, Schedule

if TYPE_CHECKING:
    from chainrule.network import Network


class Trainer:
    """Trains one network; `Network.fit` is the short way to it.

    Args:
        network: what is trained.
        others: as in `Network.fit`.
    """

    def __init__(
        self,
        network: Network,
        *,
        loss: Loss | Description = "softmax_cross_entropy",
        optimizer: Optimizer | Description = "adam",
        schedule: Schedule | Description = "constant",
        metrics: Sequence[str | Metric | Callable[[Array, Array], float]] = (),
        callbacks: Sequence[Callback] = (),
        quiet: bool = False,
    ) -> None:
        self.network = network
        self.loss = build(loss, LOSSES, "loss")
        self.optimizer = build(optimizer, OPTIMIZERS, "optimizer")
        self.schedule = build(schedule, SCHEDULES, "schedule")
        names = [metrics] if isinstance(metrics, str) else metrics
        self.metrics = [as_metric(metric) for metric in names]
        self.callbacks = [check_callback(callback) for callback in callbacks]
        if not quiet:
            from chainrule.progress import progress

            self.callbacks.append(progress())
        self.history = History()

    def train(
        self,
        data: TrainingData,
        plan: Plan,
        validation: tuple[Any, Any] | float | int | None = None,
    ) -> History:
        """Train as planned and return the history; Ctrl-C ends training where it is."""
        self.plan, self.examples_seen = plan, 0
        self.data, self.held_out = self._with_validation(data, validation)
        self.state = self.optimizer.start(self.network.parameters.flat)
        self.network.loss, self.network.metrics = self.loss, self.metrics
        self._tell("training_starts")
        try:
            # A loss that overflows ends in one TrainingError, not in a stream of warnings.
            with np.errstate(over="ignore", invalid="ignore"):
                self._run_epochs()
        except KeyboardInterrupt:
            self.stop("interrupted")
        finally:
            self._tell("training_ends")
        return self.history

    def _run_epochs(self) -> None:
        for epoch in range(1, self.plan.epochs + 1):
            self.history.append(self.run_epoch(epoch))
            self._tell("epoch_ends")
            if self.history.stopped:
                break

    def run_epoch(self, epoch: int) -> Record:
        """One pass over the training data, and its record."""
        began = time.perf_counter()
        self.network.start_epoch(epoch)
        data = self.data.of_epoch(epoch)
        steps = self.plan.steps_in_epoch(len(data.x))
        report = EpochReport(self.loss, self.metrics)
        for step, batch in enumerate(self.plan.deal(data, epoch, self.network.seed)):
            self.moment = Moment((epoch - 1) * steps + step, steps, self.plan.epochs, self.history)
            value, outputs = self.run_step(batch)
            report.add(value, outputs, batch)
            self.examples_seen += len(batch.x)
            self._tell("step_ends")
        return {
            "epoch": epoch,
            **report.numbers(),
            "learning_rate": self.learning_rate,
            **self.validate(),
            "seconds": time.perf_counter() - began,
        }

    def validate(self) -> Record:
        """Loss and metrics on the held-out data, where there is any."""
        if self.held_out is None:
            return {}
        outputs = self.network.predict(self.held_out.x)
        judged = self.network.judge(outputs, self.held_out.y, self.loss, self.metrics)
        return {f"validation_{name}": value for name, value in judged.items()}

    def run_step(self, batch: Batch) -> tuple[float, Array]:
        """Forward, loss, backward, update. The loss and the outputs, from before the update."""
        network = self.network
        outputs, caches = network.forward(batch.x, training=True)
        value = network.backward_from_loss(outputs, caches, batch.y, self.loss, batch.weights)
        self._check_finite(value, batch)
        network.decay_weights(self.learning_rate)
        self.optimizer.step(
            network.parameters.flat, network.gradients.flat, self.state, self.learning_rate
        )
        return value, outputs

    @property
    def learning_rate(self) -> float:
        """The optimizer's rate times the schedule's factor, for the present step."""
        return self.optimizer.learning_rate * self.schedule.factor(self.moment)

    def stop(self, reason: str) -> None:
        """End training after this epoch; the history keeps the reason."""
        self.history.stopped = reason

    def _with_validation(
        self, data: TrainingData, validation: Any
    ) -> tuple[TrainingData, TrainingData | None]:
        self.network.check_input(data.x)
        if validation is None:
            return data, None
        if isinstance(validation, (tuple, list)):
            if len(validation) != 2:
                raise ArgumentError(
                    f"validation is a pair (x, y), a fraction or a count; received a "
                    f"{type(validation).__name__} of {len(validation)}"
                )
            x, y = validation
            held_out = TrainingData.given(x, y, what="validation")
            self.network.check_input(held_out.x)
            return data, held_out
        if isinstance(validation, str):
            raise ArgumentError(
                f"validation is a pair (x, y), a fraction or a count; received {validation!r}"
            )
        return data.hold_out(validation, self.network.seed)

    def _check_finite(self, value: float, batch: Batch) -> None:
        if not math.isfinite(value):
            if not np.isfinite(batch.x).all():
                raise DataError(
                    f"the loss became {value}, since x holds NaN or infinity: fill in numbers, or "
                    "leave these examples out"
                )
            raise TrainingError(
                f"the loss became {value} in step {self.moment.step + 1} (epoch "
                f"{math.floor(self.moment.epoch) + 1}): lower the learning rate, now "
                f"{self.learning_rate:g}, or clip the gradients (clip_norm=1)"
            )

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self)


class EpochReport:
    """Loss and metrics of an epoch's training batches, each as it was before its update."""

    def __init__(self, loss: Loss, metrics: Sequence[Metric]) -> None:
        self.loss, self.metrics = loss, metrics
        self.total, self.weight = 0.0, 0.0
        self.outputs: list[Array] = []
        self.targets: list[Array] = []

    def add(self, value: float, outputs: Array, batch: Batch) -> None:
        weight = 1.0
        if self.loss.reduction == "mean":
            weight = self.loss.weight_of(outputs, batch.y, batch.weights)
        self.total += value * weight
        self.weight += weight
        if self.metrics:
            self.outputs.append(outputs)
            self.targets.append(batch.y)

    def numbers(self) -> Record:
        is_mean = self.loss.reduction == "mean"
        loss = self.total / (self.weight or 1.0) if is_mean else self.total
        if not self.metrics:
            return {"loss": loss}
        outputs, targets = np.concatenate(self.outputs), np.concatenate(self.targets)
        return {"loss": loss, **measure(outputs, targets, self.loss, self.metrics)}
