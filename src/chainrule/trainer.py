"""The training loop: for each epoch, the steps that a runner makes, a report, and the callbacks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.arguments import choice, integer
from chainrule.callbacks import Callback, check_callback
from chainrule.chain import Chain
from chainrule.configurable import Description, build
from chainrule.data.training import Plan, TrainingData
from chainrule.epoch import Epoch, EpochReport, Steps
from chainrule.history import History, Record
from chainrule.losses import LOSSES, Loss
from chainrule.metrics import Metric, as_metric
from chainrule.optimizers import OPTIMIZERS, Optimizer
from chainrule.parameters import Array
from chainrule.runner import ENGINES, NumpyRunner, Runner
from chainrule.schedules import SCHEDULES, Constant, Moment, Schedule
from chainrule.trouble.divergence import Divergence


class Trainer:
    """Trains one network; `Network.fit` is the short way to it.

    Args:
        network: what is trained.
        others: as in `Network.fit`.

    `notice` says, in a sentence, why the steps run in NumPy where the engine cannot run them.
    """

    def __init__(
        self,
        network: Chain,
        *,
        loss: Loss | Description = "softmax_cross_entropy",
        optimizer: Optimizer | Description = "adam",
        schedule: Schedule | Description = "constant",
        metrics: Sequence[str | Metric | Callable[[Array, Array], float]] = (),
        callbacks: Sequence[Callback] = (),
        engine: str = "auto",
        threads: int | None = None,
    ) -> None:
        self.network = network
        self.loss = build(loss, LOSSES, "loss")
        self.optimizer = build(optimizer, OPTIMIZERS, "optimizer")
        self.schedule = build(schedule, SCHEDULES, "schedule")
        names = [metrics] if isinstance(metrics, str) else metrics
        self.metrics = [as_metric(metric) for metric in names]
        self.callbacks = [check_callback(callback) for callback in callbacks]
        self.engine = choice(engine, "engine", ENGINES)
        self.threads = None if threads is None else integer(threads, "threads")
        self.notice: str | None = None
        self.history = History()

    def train(
        self,
        data: TrainingData,
        plan: Plan,
        validation: tuple[Any, Any] | float | int | None = None,
    ) -> History:
        """Train as planned and return the history; Ctrl-C ends training where it is."""
        self.network.check_input(data.x)
        self.data, self.held_out = data.with_validation(validation, self.network.seed)
        if self.held_out is not None:
            self.network.check_input(self.held_out.x)
        self.plan, self.examples_seen = plan, 0
        self.state = self.optimizer.start(self.network.parameters.flat)
        self.network.loss, self.network.metrics = self.loss, self.metrics
        self.runner = self._choose_runner()
        self.history.engine = self.runner.description
        self._tell("training_starts")
        try:
            # A loss that overflows ends in one TrainingError, not in a stream of warnings.
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                self._run_epochs()
        except KeyboardInterrupt:
            self.stop("interrupted")
        finally:
            self._tell("training_ends")
        return self.history

    def _run_epochs(self) -> None:
        while len(self.history) < self.plan.epochs and not self.history.stopped:
            epoch = len(self.history) + 1
            records = self._run_ahead(epoch) if self._may_run_ahead else [self.run_epoch(epoch)]
            for record in records:
                self.history.append(record)
                self._tell("epoch_ends")

    def run_epoch(self, number: int) -> Record:
        """One pass over the training data, and its record."""
        began = time.perf_counter()
        self.network.start_epoch(number)
        epoch, report = self._epoch(number), EpochReport(self.loss, self.metrics)
        for steps in self._steps(epoch, number):
            report.add(steps)
        return {
            "epoch": number,
            **report.numbers(),
            "learning_rate": epoch.rates[-1],
            **self.validate(),
            "seconds": time.perf_counter() - began,
        }

    def _epoch(self, number: int) -> Epoch:
        """What the runner needs for an epoch."""
        data = self.data.of_epoch(number)
        count = len(data.x)
        in_epoch = self.plan.steps_in_epoch(count)
        return Epoch(
            data,
            self.plan.order(count, number, self.network.seed),
            self.plan.examples_in_batch(count),
            self._rates([(number, step) for step in range(in_epoch)], in_epoch),
        )

    def _steps(self, epoch: Epoch, number: int) -> Iterator[Steps]:
        """The steps of an epoch, each noted and told of."""
        in_epoch = self.plan.steps_in_epoch(len(epoch.data.x))
        for steps in self.runner.steps(epoch, bool(self.metrics), not self._only_shown):
            self.moment = self._moment(number, steps.last, in_epoch)
            self.step_loss, self.step_rate = float(steps.losses[-1]), epoch.rates[steps.last]
            self._check_finite(epoch, steps.last)
            self.examples_seen += steps.examples
            self._tell("step_ends")
            yield steps

    def validate(self) -> Record:
        """Loss and metrics on the held-out data, where there is any."""
        if self.held_out is None:
            return {}
        outputs = self.network.predict(self.held_out.x)
        judged = self.network.judge(outputs, self.held_out.y, self.loss, self.metrics)
        if not math.isfinite(judged["loss"]):
            raise self._divergence.in_validation(judged["loss"], self.held_out)
        return {f"validation_{name}": value for name, value in judged.items()}

    def _rates(self, places: Sequence[tuple[int, int]], steps_in_epoch: int) -> list[float]:
        """The learning rates of steps, each given as (epoch, step): the optimizer's rate times the
        schedule's factor."""
        rate = self.optimizer.learning_rate
        if isinstance(self.schedule, Constant):  # not worth a moment for each
            return [rate] * len(places)
        moments = (self._moment(*place, steps_in_epoch) for place in places)
        return [rate * self.schedule.factor(moment) for moment in moments]

    def _moment(self, epoch: int, step: int, steps_in_epoch: int) -> Moment:
        done = (epoch - 1) * steps_in_epoch + step
        return Moment(done, steps_in_epoch, self.plan.epochs, self.history)

    # --- epochs that nothing comes between ------------------------------------------------

    @property
    def _may_run_ahead(self) -> bool:
        """True if epochs are single steps that nothing comes between."""
        return (
            self.runner.steps_at_a_time > 1
            and self.plan.is_one_step(len(self.data.x))
            and self.data.draw is None
            and self.held_out is None
            and not self.metrics
            and not self.network.random_layers()
            and all(callback.only_shows for callback in self.callbacks)
            and not self.schedule.reads_history
        )

    def _run_ahead(self, first: int) -> list[Record]:
        """As many epochs of one step as the runner makes at a time; their records."""
        began = time.perf_counter()
        looks = (callback.next_look(first) for callback in self.callbacks)
        last = min(first + self.runner.steps_at_a_time - 1, self.plan.epochs, *looks)
        end = int(last) + 1
        rates = self._rates([(number, 0) for number in range(first, end)], 1)
        epoch = Epoch(self.data, None, len(self.data.x), rates)
        losses = np.concatenate([steps.losses for steps in self._steps(epoch, first)])
        seconds = (time.perf_counter() - began) / len(losses)
        return [
            {"epoch": number, "loss": loss, "learning_rate": rate, "seconds": seconds}
            for number, loss, rate in zip(range(first, end), losses.tolist(), rates, strict=True)
        ]

    # --- around the loop ------------------------------------------------------------------

    def stop(self, reason: str) -> None:
        """End training after this epoch; the history keeps the reason."""
        self.history.stopped = reason

    def _choose_runner(self) -> Runner:
        """The engine, or NumPy where it was asked for or where the engine cannot run the steps."""
        what = (self.network, self.loss, self.optimizer, self.state)
        if self.engine == "numpy":
            return NumpyRunner(*what)
        from chainrule.engine import CompiledRunner, Unlowerable  # imported when it is needed

        try:
            batch_size = self.plan.examples_in_batch(len(self.data.x))
            return CompiledRunner(*what, batch_size, self.threads)
        except Unlowerable as obstacle:
            if self.engine == "compiled":
                raise obstacle.refusal() from None
            self.notice = f"running in NumPy, since {obstacle} has no compiled form"
            return NumpyRunner(*what)

    @property
    def _only_shown(self) -> bool:
        """True if no callback needs to look at every single step."""
        return all(
            callback.only_shows or type(callback).step_ends is Callback.step_ends
            for callback in self.callbacks
        )

    def _check_finite(self, epoch: Epoch, step: int) -> None:
        if not math.isfinite(self.step_loss):
            batch, rows = epoch.batch(step), epoch.rows(step, step)
            raise self._divergence.in_step(self.step_loss, self.moment.step + 1, batch, rows)

    @property
    def _divergence(self) -> Divergence:
        epoch = math.floor(self.moment.epoch) + 1
        return Divergence(self.network, self.loss, epoch, self.step_rate)

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self)
