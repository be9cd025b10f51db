"""The training loop.

For each epoch, for each batch: forward, loss, backward, one step of the optimizer. All else
here is bookkeeping: what data there is, what is reported, when to stop.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.arguments import choice, integer
from chainrule.callbacks import Callback
from chainrule.configurable import Description, build
from chainrule.data.dataset import Batch, batches, check_pair, epoch_order, split
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


@dataclass(frozen=True)
class Plan:
    """How long to train and in what portions.

    `batch_size` may be "full"; with `samples_per_epoch` an epoch is so many random examples.
    """

    epochs: int = 10
    batch_size: int | str = 128
    samples_per_epoch: int | None = None

    def __post_init__(self) -> None:
        integer(self.epochs, "epochs")
        if isinstance(self.batch_size, str):
            choice(self.batch_size, "batch_size (or a whole number)", ["full"])
        else:
            integer(self.batch_size, "batch_size")
        if self.samples_per_epoch is not None:
            integer(self.samples_per_epoch, "samples_per_epoch")

    def examples_in_epoch(self, available: int) -> int:
        """How many examples one epoch visits."""
        return self.samples_per_epoch or available

    def examples_in_batch(self, available: int) -> int:
        """How many examples one step takes."""
        in_epoch = self.examples_in_epoch(available)
        return in_epoch if isinstance(self.batch_size, str) else min(self.batch_size, in_epoch)


@dataclass(frozen=True)
class Examples:
    """Training data: arrays, or a function of the epoch that draws them anew."""

    x: Any
    y: Any
    weights: Array | None = None
    draw: Callable[[int], tuple[Any, Any]] | None = None

    @classmethod
    def given(cls, x: Any, y: Any, weights: Any, network: Network) -> Examples:
        """What the user passed to `fit`, checked."""
        if callable(x) and y is None:
            return cls(*_checked_pair(x(1), network), draw=x)
        if y is None:
            raise DataError("y is missing: fit(x, y), or fit(draw) with draw(epoch) -> (x, y)")
        x, y = _checked_pair((x, y), network)
        if weights is not None:
            weights = np.asarray(weights, network.dtype)
            check_pair(x, weights, "training (its weights)")
        return cls(x, y, weights)

    def of_epoch(self, epoch: int, network: Network) -> Examples:
        """The examples of one epoch: the same ones, unless they are drawn."""
        if self.draw is None or epoch == 1:
            return self
        return Examples(*_checked_pair(self.draw(epoch), network), draw=self.draw)

    def hold_out(self, part: float | int, seed: int) -> tuple[Examples, Examples]:
        """Training examples and held-out ones. Drawn data is never held out: draw more."""
        if self.draw is not None or self.weights is not None:
            raise ArgumentError(
                "with fresh data or weights, give the validation data itself: "
                "validation=(x_val, y_val)"
            )
        (x, y), (x_held_out, y_held_out) = split(self.x, self.y, part, seed)
        return Examples(x, y), Examples(x_held_out, y_held_out)


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
        self.metrics = [as_metric(metric) for metric in metrics]
        self.callbacks = list(callbacks)
        if not quiet:
            from chainrule.progress import progress

            self.callbacks.append(progress())
        self.history = History()

    def train(
        self,
        examples: Examples,
        plan: Plan,
        validation: tuple[Any, Any] | float | int | None = None,
    ) -> History:
        """Train as planned and return the history; Ctrl-C ends training where it is."""
        examples, held_out = self._with_validation(examples, validation)
        self.plan, self.examples_seen = plan, 0
        self.state = self.optimizer.start(self.network.parameters.flat)
        self.network.loss, self.network.metrics = self.loss, self.metrics
        self._tell("training_starts")
        try:
            # A loss that overflows ends in one TrainingError, not in a stream of warnings.
            with np.errstate(over="ignore", invalid="ignore"):
                self._run_epochs(examples, held_out)
        except KeyboardInterrupt:
            self.stop("interrupted")
        finally:
            self._tell("training_ends")
        return self.history

    def _run_epochs(self, examples: Examples, held_out: Examples | None) -> None:
        for epoch in range(1, self.plan.epochs + 1):
            self.history.append(self.run_epoch(epoch, examples, held_out))
            self._tell("epoch_ends")
            if self.history.stopped:
                break

    def run_epoch(self, epoch: int, examples: Examples, held_out: Examples | None) -> Record:
        """One pass over the examples, and its record."""
        began = time.perf_counter()
        self.network.start_epoch(epoch)
        examples = examples.of_epoch(epoch, self.network)
        available = len(examples.x)
        batch_size = self.plan.examples_in_batch(available)
        samples = self.plan.samples_per_epoch
        order = epoch_order(available, batch_size, samples, self.network.seed, epoch)
        steps = math.ceil(len(order) / batch_size)
        report = _EpochReport(self.loss, self.metrics)
        for step, batch in enumerate(
            batches(examples.x, examples.y, examples.weights, batch_size, order)
        ):
            done = (epoch - 1) * steps + step
            self.moment = Moment(done, steps, self.plan.epochs, self.history)
            value, outputs = self.run_step(batch)
            report.add(value, outputs, batch)
            self.examples_seen += len(batch.x)
            self._tell("step_ends")
        record = {"epoch": epoch, **report.numbers(), "learning_rate": self.learning_rate}
        if held_out is not None:
            outputs = self.network.predict(held_out.x)
            judged = self.network.judge(outputs, held_out.y, self.loss, self.metrics)
            record |= {f"validation_{name}": value for name, value in judged.items()}
        return {**record, "seconds": time.perf_counter() - began}

    def run_step(self, batch: Batch) -> tuple[float, Array]:
        """Forward, loss, backward, update. The loss and the outputs, from before the update."""
        network = self.network
        outputs, caches = network.forward(batch.x, training=True)
        value = network.backward_from_loss(outputs, caches, batch.y, self.loss, batch.weights)
        self._check_finite(value)
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
        self, examples: Examples, validation: tuple[Any, Any] | float | int | None
    ) -> tuple[Examples, Examples | None]:
        if validation is None:
            return examples, None
        if isinstance(validation, (tuple, list)):
            return examples, Examples(*_checked_pair(validation, self.network, "validation"))
        return examples.hold_out(validation, self.network.seed)

    def _check_finite(self, value: float) -> None:
        if not math.isfinite(value):
            raise TrainingError(
                f"the loss became {value} in step {self.moment.step + 1} (epoch "
                f"{math.floor(self.moment.epoch) + 1}): lower the learning rate, now "
                f"{self.learning_rate:g}, or clip the gradients (clip_norm=1)"
            )

    def _tell(self, event: str) -> None:
        for callback in self.callbacks:
            getattr(callback, event)(self)


class _EpochReport:
    """Loss and metrics of an epoch's training batches, each as it was before its update."""

    def __init__(self, loss: Loss, metrics: Sequence[Metric]) -> None:
        self.loss, self.metrics = loss, metrics
        self.total, self.count = 0.0, 0
        self.outputs: list[Array] = []
        self.targets: list[Array] = []

    def add(self, value: float, outputs: Array, batch: Batch) -> None:
        share = len(batch.x) if self.loss.reduction == "mean" else 1
        self.total += value * share
        self.count += share
        if self.metrics:
            self.outputs.append(outputs)
            self.targets.append(batch.y)

    def numbers(self) -> Record:
        loss = self.total / self.count if self.loss.reduction == "mean" else self.total
        if not self.metrics:
            return {"loss": loss}
        outputs, targets = np.concatenate(self.outputs), np.concatenate(self.targets)
        return {"loss": loss, **measure(outputs, targets, self.loss, self.metrics)}


def _checked_pair(
    pair: tuple[Any, Any], network: Network, what: str = "training"
) -> tuple[Any, Any]:
    """Inputs and targets that are of one length and suit the network."""
    x, y = pair
    x = network.check_input(x)
    y = y if hasattr(y, "shape") else np.asarray(y)
    check_pair(x, y, what)
    return x, y
