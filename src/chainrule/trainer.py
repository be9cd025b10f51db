"""The training loop: for each epoch, the steps that a runner makes, a report, and the callbacks."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from chainrule.arguments import choice, integer
from chainrule.augment import Augmentation
from chainrule.averages import AVERAGES, EXAMPLES, Average, find_statistics, in_use, put_in
from chainrule.callbacks import Callback, check_callback
from chainrule.chain import Chain
from chainrule.checkpoint import Checkpoint, Checkpoints
from chainrule.configurable import Description, build
from chainrule.data.dataset import take
from chainrule.data.training import Plan, TrainingData
from chainrule.errors import ArgumentError, ChainruleError, DataError, TrainingError
from chainrule.history import History, Record
from chainrule.layers.base import walk
from chainrule.losses import LOSSES, Loss
from chainrule.metrics import Metric, as_metric
from chainrule.optimizers import OPTIMIZERS, Optimizer
from chainrule.schedules import SCHEDULES, Constant, Moment, Schedule
from chainrule.system.environment import processor, versions
from chainrule.system.interruption import ENDINGS, INTERRUPT, noted_signals
from chainrule.system.processes import ALONE, Processes
from chainrule.training.epoch import Epoch, EpochReport, Steps
from chainrule.training.last_good import LastGood, trained_arrays
from chainrule.training.local_steps import LocalRunner
from chainrule.training.resuming import Saver, describe_layers, fingerprint
from chainrule.training.runner import ENGINES, NumpyRunner, Runner
from chainrule.training.sharing import SharingRunner
from chainrule.training.state import TrainingState
from chainrule.training.trouble.divergence import Divergence
from chainrule.training.trouble.inputs import range_of
from chainrule.types import Array

ON_NAN = ("stop", "roll_back")
LEAST_RATE_FACTOR = 2**-10  # after so many halvings, something else than the rate is wrong


class Trainer:
    """Trains one network; `Network.fit` is the short way to it.

    Args:
        network: what is trained.
        others: as in `Network.fit`.

    `notices` has, in a sentence each, what to know before training begins: why the steps run in
    NumPy, or from which checkpoint it goes on.
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
        checkpoints: Checkpoints | None = None,
        resume: bool = False,
        on_nan: str = "stop",
        class_weights: str | Sequence[float] | None = None,
        augment: Any = None,
        average: Average | Description | None = None,
        local_steps: int | None = None,
        processes: Processes = ALONE,
    ) -> None:
        self.network, self.processes = network, processes
        self.asked_loss = build(loss, LOSSES, "loss")
        self.objective = network.objective(self.asked_loss)
        self.loss = self.objective.loss
        self.optimizer = build(optimizer, OPTIMIZERS, "optimizer")
        self.schedule = build(schedule, SCHEDULES, "schedule")
        names = [metrics] if isinstance(metrics, str) else metrics
        self.metrics = [as_metric(metric) for metric in names]
        self.callbacks = [check_callback(callback) for callback in callbacks]
        self.engine = choice(engine, "engine", ENGINES)
        self.threads = None if threads is None else integer(threads, "threads")
        self.checkpoints, self.resume = checkpoints, resume
        self.on_nan = choice(on_nan, "on_nan", ON_NAN)
        self.class_weights = class_weights
        self.augment = None if augment is None else Augmentation.of(augment)
        self.average = None if average is None else build(average, AVERAGES, "average")
        self.local_steps = None if local_steps is None else integer(local_steps, "local_steps")
        if local_steps is not None and self.average is not None and self.average.each_step:
            raise ArgumentError(
                f"average={average!r} moves with every step, and local_steps={local_steps} leaves "
                "steps to each process: take average='swa', or leave out one of the two"
            )
        self.notices: list[str] = []

    def train(
        self,
        data: TrainingData,
        plan: Plan,
        held_out: TrainingData | None,
        state: TrainingState,
    ) -> History:
        """Train as planned and return the history.

        Ctrl-C ends training between two steps. With checkpoints, SIGTERM and SIGHUP do so too,
        after a last checkpoint; then they act as they would have.

        Args:
            held_out: the examples to validate on.
            state: a new one, or that of an earlier training of this network to go on with.
        """
        self._begin(data, plan, held_out, state)
        signals = INTERRUPT if self.checkpoints is None else ENDINGS
        with ExitStack() as claims, noted_signals(signals) as self.noted:
            self._claim(claims)
            self._run()
        if self.noted.number not in (None, *INTERRUPT):
            signal.raise_signal(self.noted.number)
        return self.history

    def _run(self) -> None:
        """Restore what was saved, then train."""
        checkpoint = self._restore()
        self._tell("training_starts")
        if self.saver and checkpoint and self.processes.is_first:
            self.saver.restore_callbacks(checkpoint)
        try:
            # A loss that overflows ends in one TrainingError, not in a stream of warnings.
            with np.errstate(divide="ignore", over="ignore", invalid="ignore"):
                self._run_epochs()
        except KeyboardInterrupt:
            self.stop(self.noted.name)
        finally:
            put_in(self.averaged, self.network)
            self._tell("training_ends")
        self._take_over_ending()

    def _run_epochs(self) -> None:
        while self.state.steps or (
            len(self.history) < self.plan.epochs and not self.history.stopped
        ):
            try:
                runs_ahead = self.processes.agree(lambda: self._may_run_ahead)
                records = self._run_ahead() if runs_ahead else [self.run_epoch()]
            except (DataError, TrainingError) as trouble:
                self._go_back(trouble)
                continue
            self.history.records += records
            with in_use(self.averaged, self.network):
                self._tell("epoch_ends")
            self.history.stopped = self.processes.agree(lambda: self.history.stopped)
            self.last_good.begin_epoch()
            self._look_around()
        self._save()

    def run_epoch(self) -> Record:
        """One pass over the training data, or the rest of one that was begun; its record."""
        began, number = time.perf_counter(), self.state.epoch
        report = EpochReport(self.objective, self.metrics)
        epoch = self._epoch(number)
        if self.state.steps is None:
            self.network.start_epoch(number)
        else:
            report.add(self.state.steps)
        for steps in self._steps(epoch, number):
            report.add(steps)
            if steps.last + 1 < len(epoch.rates):
                self._look_around(report)
        self.state.steps = None
        self._check_weights(epoch)
        self.last_good.judge(report.merged().losses)
        self._average_epoch(epoch)
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
        self.processes.check_enough(self.plan.examples_in_batch(count))
        in_epoch = self.plan.steps_in_epoch(count)
        return Epoch(
            data,
            self.plan.order(count, number, self.network.seed),
            self.plan.examples_in_batch(count),
            self._rates([(number, step) for step in range(in_epoch)], in_epoch),
            0 if self.state.steps is None else self.state.steps.last + 1,
            self.processes,
        )

    def _steps(self, epoch: Epoch, number: int) -> Iterator[Steps]:
        """The steps of an epoch, each noted and told of."""
        in_epoch = self.plan.steps_in_epoch(len(epoch.data.x))
        one_at_a_time = self.processes.agree(lambda: self._looks_at_steps)
        for steps in self.runner.steps(epoch, bool(self.metrics), one_at_a_time):
            self.moment = self._moment(number, steps.last, in_epoch)
            self.step_loss, self.step_rate = float(steps.losses[-1]), epoch.rates[steps.last]
            self._check_loss(epoch, steps.last)
            self.state.examples_seen += steps.examples
            if self.average is not None and self.average.each_step:
                self.average.add(self.averaged, self.network, self._done)
            self._tell("step_ends")
            yield steps

    def _average_epoch(self, epoch: Epoch) -> None:
        """Have an average of epochs take in the weights that this one ends with."""
        if self.average is not None and not self.average.each_step:
            self.average.add(self.averaged, self.network, self._done)
            order = np.arange(len(epoch.data.x)) if epoch.order is None else epoch.order
            find_statistics(self.averaged, self.network, epoch.data.x[order[:EXAMPLES]])

    def validate(self) -> Record:
        """Loss and metrics on the held-out data, where there is any."""
        if self.held_out is None:
            return {}
        with in_use(self.averaged, self.network):
            outputs = self._predict_together(self.held_out.x)
        judged = self.network.judge(outputs, self.held_out.y, self.asked_loss, self.metrics)
        if not math.isfinite(judged["loss"]):
            raise self._divergence.in_validation(judged["loss"], self.held_out)
        return {f"validation_{name}": value for name, value in judged.items()}

    def _predict_together(self, x: Any) -> Array:
        """The outputs for all examples, of which each process predicts its share."""
        if self.processes.count == 1:
            return self.network.predict(x)
        share = self.processes.share(len(x))
        own = x[share] if type(x) is np.ndarray else take(x, np.arange(len(x))[share])
        return np.concatenate(self.processes.gather(self.network.predict(own)))

    def _rates(self, places: Sequence[tuple[int, int]], steps_in_epoch: int) -> list[float]:
        """The learning rates of steps, each given as (epoch, step): the optimizer's rate times the
        schedule's factor."""
        rate = self.optimizer.learning_rate * self.state.rate_factor
        if isinstance(self.schedule, Constant):  # not worth a moment for each
            return [rate] * len(places)
        moments = (self._moment(*place, steps_in_epoch) for place in places)
        return [rate * self.schedule.factor(moment) for moment in moments]

    def _moment(self, epoch: int, step: int, steps_in_epoch: int) -> Moment:
        done = (epoch - 1) * steps_in_epoch + step
        return Moment(done, steps_in_epoch, self.plan.epochs, self.history)

    @property
    def averaged(self) -> dict[str, Array]:
        """What an average of the weights remembers; empty where there is none."""
        return self.state.optimizer.average

    @property
    def _done(self) -> float:
        """The share of the training that is over after the last step."""
        return (self.moment.step + 1) / (self.moment.steps_per_epoch * self.plan.epochs)

    # --- epochs that nothing comes between ------------------------------------------------

    @property
    def _may_run_ahead(self) -> bool:
        """True if epochs are single steps that nothing comes between."""
        return (
            self.runner.steps_at_a_time > 1
            and self.plan.is_one_step(len(self.data.x))
            and self.data.draw is None
            and self.data.change is None
            and self.held_out is None
            and not self.metrics
            and self.average is None
            and not self.network.random_layers()
            and all(callback.only_shows for callback in self.callbacks)
            and not self.schedule.reads_history
        )

    def _run_ahead(self) -> list[Record]:
        """As many epochs of one step as the runner makes at a time; their records."""
        began, first = time.perf_counter(), self.state.epoch
        end = self.processes.agree(self._end_of_run)
        rates = self._rates([(number, 0) for number in range(first, end)], 1)
        epoch = Epoch(self.data, None, len(self.data.x), rates, processes=self.processes)
        losses = np.concatenate([steps.losses for steps in self._steps(epoch, first)])
        self._check_weights(epoch)
        self.last_good.judge(losses[:1])
        seconds = (time.perf_counter() - began) / len(losses)
        return [
            {"epoch": number, "loss": loss, "learning_rate": rate, "seconds": seconds}
            for number, loss, rate in zip(
                range(first, end), (losses * self.objective.factor).tolist(), rates, strict=True
            )
        ]

    def _end_of_run(self) -> int:
        """The epoch before which a callback looks, or the runner's time is over."""
        first = self.state.epoch
        looks = (callback.next_look(first) for callback in self.callbacks)
        return int(min(first + self.runner.steps_at_a_time - 1, self.plan.epochs, *looks)) + 1

    # --- what may come between ------------------------------------------------------------

    def stop(self, reason: str) -> None:
        """End training after this epoch; the history keeps the reason."""
        self.history.stopped = reason

    def note(self, **numbers: float) -> None:
        """Add what was measured to the record of the epoch that has ended."""
        self.history.records[-1] |= numbers

    def _look_around(self, report: EpochReport | None = None) -> None:
        """Between two epochs, or two steps of the one reported: save what is due, and end where a
        signal asks for it."""
        asked_to_end = self.processes.any(self.noted.number is not None)
        is_due = self.checkpoints is not None and self.checkpoints.is_due(len(self.history))
        if not (asked_to_end or is_due):
            return
        self.state.steps = None if report is None else report.merged()
        self._save()
        if asked_to_end:
            raise KeyboardInterrupt
        self.state.steps = None

    def _save(self) -> None:
        """Write a checkpoint, where there are any, from the first process."""
        if self.saver and self.processes.is_first:
            self.saver.save()

    def _check_loss(self, epoch: Epoch, step: int) -> None:
        if not math.isfinite(self.step_loss):
            batch, rows = epoch.batch(step), epoch.rows(step, step)
            raise self._divergence.in_step(self.step_loss, self.moment.step + 1, batch, rows)

    @property
    def _divergence(self) -> Divergence:
        epoch = math.floor(self.moment.epoch) + 1
        return Divergence(self.network, self.loss, epoch, self.step_rate)

    def _check_weights(self, epoch: Epoch) -> None:
        """After the last step of an epoch no loss would show what it did to the weights."""
        if not self.network.is_finite:
            raise self._divergence.in_weights(epoch.batch(len(epoch.rates) - 1))

    def _go_back(self, trouble: ChainruleError) -> None:
        """Return to the last good weights; end there, or try the epoch again at half the rate."""
        self.last_good.go_back()
        self.state.steps = None
        may_try_again = self.on_nan == "roll_back" and isinstance(trouble, TrainingError)
        if not may_try_again or self.state.rate_factor <= LEAST_RATE_FACTOR:
            raise trouble
        self.state.rate_factor /= 2
        self.history.warnings.append(
            f"epoch {self.state.epoch} is tried again at half the learning rate, since {trouble}"
        )

    # --- around the loop ------------------------------------------------------------------

    def _begin(
        self, data: TrainingData, plan: Plan, held_out: TrainingData | None, state: TrainingState
    ) -> None:
        """All that has to be there before the first step."""
        network = self.network
        network.check_input(data.x)
        self.plan, self.held_out = plan, held_out
        self.processes.check_enough(self.plan.examples_in_batch(len(data.x)))
        weighted = self.objective.data(data).with_class_weights(self.class_weights)
        self.data = weighted.with_augmentation(self.augment, network.seed, network.output_shape)
        if self.held_out is not None:
            network.check_input(self.held_out.x)
            network.predict(self.held_out.x[:1])  # what has to be compiled takes no epoch's time
        state.optimizer.average = {} if self.average is None else self.average.start(network)
        self.processes.take_over(trained_arrays(network, state.optimizer))
        self.state, self.last_good = state, LastGood(network, state.optimizer)
        network.loss, network.metrics = self.asked_loss, self.metrics
        network.input_range = range_of(self.data.x)
        self.runner = self._choose_runner()
        self.history.stopped, self.history.engine = None, self.runner.description
        if self.processes.count > 1:
            runner = type(self.runner).__name__
            self.processes.check_alike({**self._settings(), "engine": runner})
        self.saver = self._make_saver(self.checkpoints) if self.checkpoints else None
        self.moment = self._moment(1, 0, 1)  # no step yet
        self.step_loss, self.step_rate = math.nan, self.optimizer.learning_rate

    def _claim(self, claims: ExitStack) -> None:
        """Have the folder of checkpoints, where there is one, for this training alone."""

        def claim() -> None:
            if self.checkpoints:
                claims.enter_context(self.checkpoints.claimed())

        self.processes.agree(claim)

    def _take_over_ending(self) -> None:
        """What the first process's callbacks left, in all: warnings, and the weights that early
        stopping put back."""
        self.state.history = self.processes.agree(lambda: self.history)
        self.processes.take_over(trained_arrays(self.network, self.state.optimizer))

    def _restore(self) -> Checkpoint | None:
        """Go on from the newest checkpoint, where that was asked for."""
        saver = self.saver
        if saver is None:
            return None
        if not self.resume:
            self.processes.agree(saver.checkpoints.check_empty)
            return None
        checkpoint = self.processes.agree(lambda: saver.checkpoints.newest(self.notices.append))
        if checkpoint:
            saver.restore(checkpoint, self.notices.append)
            steps = self.state.steps
            within = f", step {steps.last + 2}" if steps else ""
            self.notices.append(f"going on with epoch {self.state.epoch}{within}")
        return checkpoint

    def _settings(self) -> dict[str, Any]:
        """What must be the same for a training to go on, and in all processes."""
        return {
            "layers": describe_layers(self.network),
            "seed": self.network.seed,
            "loss": repr(self.loss),
            "optimizer": repr(self.optimizer),
            "schedule": repr(self.schedule),
            "metrics": [metric.name for metric in self.metrics],
            "epochs": self.plan.epochs,
            "batch_size": self.plan.batch_size,
            "samples_per_epoch": self.plan.samples_per_epoch,
            "on_nan": self.on_nan,
            "data": fingerprint(self.data),
            "validation": fingerprint(self.held_out),
            **({} if self.augment is None else {"augment": repr(self.augment)}),
            **({} if self.average is None else {"average": repr(self.average)}),
            **({} if self.local_steps is None else {"local_steps": self.local_steps}),
        }

    def _make_saver(self, checkpoints: Checkpoints) -> Saver:
        environment = {**versions(), "processor": processor(), "engine": self.runner.description}
        return Saver(
            checkpoints,
            self.state,
            self.last_good,
            self.callbacks,
            self._settings(),
            environment,
        )

    def _choose_runner(self) -> Runner:
        """What makes the steps: all processes together, or each some by itself."""
        processes, every = self.processes, self.local_steps
        if every is not None and processes.count > 1:
            what = (self.network, self.loss, self.state.optimizer)
            return LocalRunner(*what, self._runner_of(ALONE), processes, every)
        if every is not None:
            self.notices.append("local steps change nothing, since there is one process")
        return self._runner_of(processes)

    def _runner_of(self, processes: Processes) -> Runner:
        """The engine, or NumPy where it was asked for or where the engine cannot run the steps, for
        those who make a step together."""
        what = (self.network, self.loss, self.optimizer, self.state.optimizer)
        if self.engine == "numpy":
            return self._numpy_runner(processes)
        from chainrule.engine import CompiledRunner, Obstacle  # imported when it is needed

        try:
            batch = self.processes.share(self.plan.examples_in_batch(len(self.data.x)))
            at_end = self.processes.count - 1  # of a last batch that is too small to be shared
            batch_size = max(batch.stop - batch.start, at_end)
            threads = self.threads or self.processes.threads()
            return CompiledRunner(*what, batch_size, threads, processes)
        except Obstacle as obstacle:
            if self.engine == "compiled":
                raise obstacle.refusal() from None
            self.notices.append(f"running in NumPy, since {obstacle.reason}")
            return self._numpy_runner(processes)

    def _numpy_runner(self, processes: Processes) -> Runner:
        """The layers themselves, for this process or for its share of every batch."""
        what = (self.network, self.loss, self.optimizer, self.state.optimizer)
        if processes.count == 1:
            return NumpyRunner(*what)
        self.notices += [
            f"layer {place} ({type(layer).__name__}) is your own: what it mixes of a batch's "
            "examples, if it does, is mixed within each process alone"
            for place, layer in walk(self.network.root)
            if layer.users_own
        ]
        return SharingRunner(*what, processes)

    @property
    def history(self) -> History:
        """The epochs so far."""
        return self.state.history

    @property
    def examples_seen(self) -> int:
        """How many examples training has visited so far."""
        return self.state.examples_seen

    @property
    def _looks_at_steps(self) -> bool:
        """True if a callback, or an average, has to look at every single step."""
        averages = self.average is not None and self.average.each_step
        return averages or not all(
            callback.only_shows or type(callback).step_ends is Callback.step_ends
            for callback in self.callbacks
        )

    def _tell(self, event: str) -> None:
        """Call a method of every callback that has one of its own; those of the first process see
        for all."""
        if not self.processes.is_first:
            return
        ignored = getattr(Callback, event)
        for callback in self.callbacks:
            if getattr(type(callback), event) is not ignored:
                getattr(callback, event)(self)
