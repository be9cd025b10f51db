"""The training loop.

For each epoch, for each batch: forward, loss, backward, one step of the optimizer (`run_step`); or
the same steps in the compiled engine. All else here is bookkeeping: what is reported, and when to
stop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chainrule.arguments import choice, integer
from chainrule.callbacks import Callback, check_callback
from chainrule.configurable import Description, build
from chainrule.data.dataset import Batch
from chainrule.data.training import Plan, TrainingData
from chainrule.errors import ArgumentError, DataError, TrainingError
from chainrule.history import History, Record
from chainrule.losses import LOSSES, Loss
from chainrule.metrics import Metric, as_metric
from chainrule.network import ENGINES, measure
from chainrule.optimizers import OPTIMIZERS, Optimizer
from chainrule.parameters import Array
from chainrule.schedules import SCHEDULES, Constant, Moment, Schedule

if TYPE_CHECKING:
    from chainrule.engine.session import CompiledTraining
    from chainrule.network import Network


@dataclass(frozen=True)
class Steps:
    """One step that has been made, or several in a row.

    `number` is that of the last in its epoch, counted from 0; `losses` and `weights` have a value
    for each, `outputs` and `targets` a row for each example.
    """

    number: int
    losses: npt.ArrayLike
    weights: npt.ArrayLike
    examples: int
    outputs: Array | None
    targets: Array | None


class Trainer:
    """Trains one network; `Network.fit` is the short way to it.

    Args:
        network: what is trained.
        others: as in `Network.fit`.

    `notice` says, in a sentence, why the steps run in NumPy where the engine cannot run them.
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
        engine: str | None = None,
        threads: int | None = None,
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
        self.engine = choice(engine or network.engine, "engine", ENGINES)
        self.threads = network.threads if threads is None else integer(threads, "threads")
        self.notice: str | None = None
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
        self.compiled = self._compile()
        if self.compiled is not None:
            self.history.engine = self.compiled.describe()
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
        while len(self.history) < self.plan.epochs and not self.history.stopped:
            for record in self._next_epochs():
                self.history.append(record)
                self._tell("epoch_ends")

    def _next_epochs(self) -> Sequence[Record]:
        """The next epoch, or several, where each is a single step and no one looks at it."""
        epoch = len(self.history) + 1
        if self.compiled is not None and self._may_run_ahead(self.compiled):
            return self._run_ahead(self.compiled, epoch)
        return [self.run_epoch(epoch)]

    def run_epoch(self, epoch: int) -> Record:
        """One pass over the training data, and its record."""
        began = time.perf_counter()
        self.network.start_epoch(epoch)
        data = self.data.of_epoch(epoch)
        report = EpochReport(self.loss, self.metrics)
        for steps in self._steps(data, epoch):
            report.add(steps)
            self.examples_seen += steps.examples
            self._tell("step_ends")
        return {
            "epoch": epoch,
            **report.numbers(),
            "learning_rate": self.learning_rate,
            **self.validate(),
            "seconds": time.perf_counter() - began,
        }

    def _steps(self, data: TrainingData, epoch: int) -> Iterator[Steps]:
        """The steps of an epoch, in the engine or layer by layer."""
        if self.compiled is not None:
            return self._compiled_steps(self.compiled, data, epoch)
        return self._numpy_steps(data, epoch)

    def _numpy_steps(self, data: TrainingData, epoch: int) -> Iterator[Steps]:
        in_epoch = self.plan.steps_in_epoch(len(data.x))
        for step, batch in enumerate(self.plan.deal(data, epoch, self.network.seed)):
            self.moment = self._moment(epoch, step, in_epoch)
            self.step_loss, outputs = self.run_step(batch)
            weight = self.loss.weight_of(outputs, batch.y, batch.weights)
            yield Steps(step, [self.step_loss], [weight], len(batch.x), outputs, batch.y)

    def _moment(self, epoch: int, step: int, steps_in_epoch: int) -> Moment:
        done = (epoch - 1) * steps_in_epoch + step
        return Moment(done, steps_in_epoch, self.plan.epochs, self.history)

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
        self._check_finite(value, batch.x, slice(None))
        network.decay_weights(self.learning_rate)
        self.optimizer.step(
            network.parameters.flat, network.gradients.flat, self.state, self.learning_rate
        )
        return value, outputs

    @property
    def learning_rate(self) -> float:
        """The optimizer's rate times the schedule's factor, for the present step."""
        return self.rate_at(self.moment)

    def rate_at(self, moment: Moment) -> float:
        """The learning rate of one step."""
        return self.optimizer.learning_rate * self.schedule.factor(moment)

    def _rates(self, places: Sequence[tuple[int, int]], steps_in_epoch: int) -> list[float]:
        """The learning rates of steps, each given as (epoch, step)."""
        if isinstance(self.schedule, Constant):  # not worth a moment for each
            return [self.optimizer.learning_rate] * len(places)
        return [self.rate_at(self._moment(*place, steps_in_epoch)) for place in places]

    # --- the compiled engine --------------------------------------------------------------

    def _compile(self) -> CompiledTraining | None:
        """The engine's program for these steps, or None where NumPy runs them."""
        if self.engine == "numpy":
            return None
        from chainrule.engine import CompiledTraining, Unlowerable

        batch_size = self.plan.examples_in_batch(len(self.data.x))
        try:
            return CompiledTraining(
                self.network, self.loss, self.optimizer, self.state, batch_size, self.threads
            )
        except Unlowerable as obstacle:
            if self.engine == "compiled":
                raise obstacle.refusal() from None
            self.notice = f"running in NumPy, since {obstacle} has no compiled form"
            return None

    def _compiled_steps(
        self, compiled: CompiledTraining, data: TrainingData, epoch: int
    ) -> Iterator[Steps]:
        """The steps of an epoch in the engine, some at a time."""
        count = len(data.x)
        in_epoch, size = self.plan.steps_in_epoch(count), self.plan.examples_in_batch(count)
        rates = self._rates([(epoch, step) for step in range(in_epoch)], in_epoch)
        order = None
        if not self.plan.is_one_step(count):
            order = self.plan.order(count, epoch, self.network.seed)
        for made in compiled.steps(
            data, order, size, rates, bool(self.metrics), not self._only_shown
        ):
            self.moment = self._moment(epoch, made.last, in_epoch)
            self.step_loss = float(made.losses[-1])
            self._check_finite(self.step_loss, data.x, made.rows_of_last)
            targets = np.asarray(data.y)[made.rows] if self.metrics else None
            yield Steps(made.last, made.losses, made.weights, len(made.rows), made.outputs, targets)

    @property
    def _only_shown(self) -> bool:
        """Whether no one needs to look at every single step."""
        looked_at = Callback.step_ends
        return all(
            callback.only_shows or type(callback).step_ends is looked_at
            for callback in self.callbacks
        )

    def _may_run_ahead(self, compiled: CompiledTraining) -> bool:
        """Whether epochs are single steps that nothing comes between."""
        return (
            self.plan.is_one_step(len(self.data.x))
            and self.data.draw is None
            and self.held_out is None
            and not self.metrics
            and not compiled.is_random
            and all(callback.only_shows for callback in self.callbacks)
            and not self.schedule.reads_history
        )

    def _run_ahead(self, compiled: CompiledTraining, epoch: int) -> list[Record]:
        """As many epochs of one step as fit into a moment."""
        began = time.perf_counter()
        last = min(epoch + compiled.steps_at_a_time, self.plan.epochs + 1)
        rates = self._rates([(one, 0) for one in range(epoch, last)], 1)
        losses = compiled.repeat(self.data, rates)
        self.moment = self._moment(epoch + len(losses) - 1, 0, 1)
        self.step_loss = float(losses[-1])
        self._check_finite(self.step_loss, self.data.x, slice(None))
        self.examples_seen += len(losses) * len(self.data.x)
        self._tell("step_ends")
        seconds = (time.perf_counter() - began) / len(losses)
        return [
            {"epoch": epoch + i, "loss": loss, "learning_rate": rates[i], "seconds": seconds}
            for i, loss in enumerate(losses.tolist())
        ]

    # --- around the loop ------------------------------------------------------------------

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

    def _check_finite(self, value: float, x: Any, rows: Any) -> None:
        if not math.isfinite(value):
            if not np.isfinite(x[rows]).all():
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

    def add(self, steps: Steps) -> None:
        weights = np.asarray(steps.weights if self.loss.reduction == "mean" else 1.0)
        self.total += float((np.asarray(steps.losses) * weights).sum())
        self.weight += float(weights.sum())
        if self.metrics and steps.outputs is not None and steps.targets is not None:
            self.outputs.append(steps.outputs)
            self.targets.append(steps.targets)

    def numbers(self) -> Record:
        is_mean = self.loss.reduction == "mean"
        loss = self.total / (self.weight or 1.0) if is_mean else self.total
        if not self.metrics:
            return {"loss": loss}
        outputs, targets = np.concatenate(self.outputs), np.concatenate(self.targets)
        return {"loss": loss, **measure(outputs, targets, self.loss, self.metrics)}
