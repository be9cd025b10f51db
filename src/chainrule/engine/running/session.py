"""Running plans: a network's training and its predictions, through the machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.augment import Augmented
from chainrule.chain import Chain
from chainrule.data.training import TrainingData
from chainrule.engine.plan.assembly import prediction_plan, training_plan
from chainrule.engine.plan.plan import Plan
from chainrule.engine.program.exchange import Exchange
from chainrule.engine.program.obstacles import Obstacle
from chainrule.engine.running.augmenting import CompiledWarp, address
from chainrule.engine.running.compiled import handler_address, run_alone, run_function
from chainrule.engine.running.targets import Targets
from chainrule.engine.running.threads import available_threads, interrupts_afterwards, run_together
from chainrule.losses import Loss
from chainrule.optimizers import Optimizer, OptimizerState
from chainrule.presentation.display import counted
from chainrule.system.processes import ALONE, Processes
from chainrule.training.epoch import Epoch, Integers, Steps
from chainrule.types import Array

SECONDS_AT_A_TIME = 0.06  # so long the machine runs before Python looks around
FEW_ROWS = 32  # examples up to which predictions are not worth several threads
PREDICTION_ROWS = 512


class CompiledRunner:
    """A network, its loss and its optimizer as one plan.

    Args:
        network, loss, optimizer: what is trained, and how.
        state: the optimizer's memory, which the plan works on.
        batch_size: the most examples of a step in this process.
        threads: how many there may be.
        processes: those that train together.
    Raises:
        Obstacle: there is no compiled form of one of them, or no machine code at all.
    """

    def __init__(
        self,
        network: Chain,
        loss: Loss,
        optimizer: Optimizer,
        state: OptimizerState,
        batch_size: int,
        threads: int | None,
        processes: Processes = ALONE,
    ) -> None:
        self.network, self.loss, self.state = network, loss, state
        self.processes = processes
        self.exchange = Exchange(processes, network.dtype) if processes.count > 1 else None
        self.plan, self.updates, self.random_layers = training_plan(
            network,
            loss,
            optimizer,
            state,
            batch_size,
            threads or available_threads(),
            self.exchange,
        )
        self.run = load(self.plan)
        self.plan.context.trains = 1
        self.seconds_of_a_step = SECONDS_AT_A_TIME
        self.targets_of: tuple[Any, Targets] | None = None
        self.warp = CompiledWarp(self.plan.threads)

    @property
    def description(self) -> str:
        """How the machine runs, in a few words."""
        count, size = self.plan.threads, self.plan.bytes / 1e6
        several = "" if self.exchange is None else f" in each of {self.processes.count} processes"
        threads = f"{counted(count, 'thread')}{several}"
        return f"compiled, {threads}, {size:.3g} MB of memory planned"

    @property
    def steps_at_a_time(self) -> int:
        """How many steps fit into the time that the machine runs without a look around."""
        return max(1, int(SECONDS_AT_A_TIME / self.seconds_of_a_step))

    def steps(self, epoch: Epoch, outputs: bool, one_at_a_time: bool) -> Iterator[Steps]:
        """Make the steps of an epoch, some at a time."""
        self._take_over_generators()
        first = epoch.first
        while first < len(epoch.rates):
            at_a_time = 1 if one_at_a_time else self.processes.agree(lambda: self.steps_at_a_time)
            last = min(first + at_a_time, len(epoch.rates)) - 1
            if last > first and epoch.of_step(last) is not epoch:
                last -= 1  # by itself
            steps = self._make_steps(epoch.of_step(first), first, last, outputs)
            yield steps
            first = steps.last + 1

    def _take_over_generators(self) -> None:
        """Begin with the random generators that layers have for this epoch."""
        for layer, random in self.random_layers.items():
            state = layer.rng.bit_generator.state["state"]
            numbers = [state["state"], state["state"] >> 64, state["inc"], state["inc"] >> 64]
            random.state.view(np.uint64)[:] = [number & (2**64 - 1) for number in numbers]

    def _make_steps(self, epoch: Epoch, first: int, last: int, wants_outputs: bool) -> Steps:
        """Have the machine make steps `first` to `last` of an epoch."""
        context, count = self.plan.context, last + 1 - first
        data, rows, in_place = epoch.data, epoch.rows(first, last), epoch.order is None
        weights = self._targets(data).weights_of_steps(rows, epoch.batch_size)
        own_rows = epoch.own_rows(first, last)
        x, targets, order = self._read(data, own_rows)
        coefficients = self.updates.coefficients(self.state, epoch.rates[first : last + 1])
        losses = np.zeros(count)
        outputs = None
        if wants_outputs:
            outputs = np.empty(
                (epoch.own_count(first, last), *self.network.output_shape), self.plan.dtype
            )
        drawn = epoch.drawn
        context.rank, context.processes = drawn.processes.rank, drawn.processes.count
        if self.exchange is not None:
            self.exchange.processes = epoch.processes
        context.rows, context.batch_size = epoch.own_count(first, last), epoch.own_batch_size
        context.all_rows = drawn.count(first, last)
        context.all_batch_size = drawn.batch_size
        context.first_row = 0 if in_place else first * drawn.batch_size
        context.epochs, context.steps = count if in_place else 1, count
        context.takes_mean = self.loss.reduction == "mean"
        context.values = targets.values_of_example
        context.x, context.order = address(x), address(order)
        context.labels, context.targets = address(targets.labels), address(targets.values)
        context.weights, context.divisors = address(targets.weights), address(weights)
        context.coefficients = address(coefficients)
        context.settings = address(self.updates.settings)
        context.clip_norm = address(self.updates.clip_norm)
        context.losses = address(losses)
        context.outputs = address(outputs)
        began = time.perf_counter()
        run_threads(self.plan, self.run)
        if self.exchange is not None:
            self.exchange.raise_error()
        made = context.made
        seconds = (time.perf_counter() - began) / max(made, 1)
        self.seconds_of_a_step = max(seconds, self.seconds_of_a_step / 4)
        self.updates.count_steps(self.state, made)
        return Steps(
            first + made - 1,
            losses[:made],
            np.resize(weights, count)[:made],  # those of all examples again, for every such step
            len(rows) * (count if in_place else 1),
            None if outputs is None else epoch.of_all(outputs, first, last),
            np.asarray(data.y)[rows] if wants_outputs else None,
        )

    def _targets(self, data: TrainingData) -> Targets:
        """The data's targets in the form that the machine reads, made once for the same data."""
        if self.targets_of is None or self.targets_of[0] is not data.y:
            prepared = Targets.prepare(
                self.loss, data.y, data.weights, self.network.output_shape, self.plan.dtype
            )
            self.targets_of = (data.y, prepared)
        return self.targets_of[1]

    def _read(
        self, data: TrainingData, rows: Integers | slice
    ) -> tuple[Array, Targets, Integers | None]:
        """Inputs of the network's type with their targets, and which of them; None for all in
        turn. What is in memory in that type is not copied."""
        x, targets = data.x, self._targets(data)
        if isinstance(x, Augmented):
            return x.take(rows, self.plan.dtype, self.warp), targets.of(rows), None
        if type(x) is np.ndarray and x.dtype == self.plan.dtype and x.flags.c_contiguous:
            if isinstance(rows, slice):
                return x[rows], targets.of(rows), None
            return x, targets, np.ascontiguousarray(rows)
        return np.ascontiguousarray(x[rows], self.plan.dtype), targets.of(rows), None


class CompiledPrediction:
    """A network's forward pass as a plan.

    Args:
        rows: the most examples at a time.
    Raises:
        Obstacle: there is no compiled form of one of its layers, or no machine code at all.
    """

    def __init__(self, network: Chain, rows: int, threads: int, interleaves: bool = True) -> None:
        self.plan = prediction_plan(network, rows, threads, interleaves)
        self.run = load(self.plan)
        self.output_shape, self.dtype = network.output_shape, network.dtype

    def __call__(self, x: Array) -> Array:
        """The outputs for all rows of x."""
        x = np.ascontiguousarray(x, self.dtype)
        outputs = np.empty((len(x), *self.output_shape), self.dtype)
        context = self.plan.context
        context.x, context.rows = x.ctypes.data, len(x)
        context.outputs = outputs.ctypes.data
        run_threads(self.plan, self.run)
        return outputs


class FewPredictions(CompiledPrediction):
    """The same for a few rows at a time, where every microsecond counts: inputs and outputs have
    their own place, whose address does not change."""

    def __init__(self, network: Chain) -> None:
        super().__init__(network, FEW_ROWS, threads=1, interleaves=False)
        x = np.empty((FEW_ROWS, *network.input_shape), self.dtype)
        outputs = np.empty((FEW_ROWS, *self.output_shape), self.dtype)
        context = self.plan.context
        context.x, context.outputs = x.ctypes.data, outputs.ctypes.data
        context.rows = self.rows = 1
        self.x_of = [x[:count] for count in range(FEW_ROWS + 1)]
        self.outputs_of = [outputs[:count] for count in range(FEW_ROWS + 1)]
        self.run_alone = run_alone(self.plan.context_address, str(self.dtype))

    def __call__(self, x: Array) -> Array:
        count = len(x)
        self.x_of[count][...] = x
        if count != self.rows:
            self.plan.context.rows = self.rows = count
        self.run_alone()
        return self.outputs_of[count].copy()


class CompiledPredictor:
    """Predicts with compiled plans, from several Python threads at once if need be.

    Args:
        threads: how many there may be for many rows.
        must_compile: True if a layer without a compiled form is an error.
    """

    def __init__(self, threads: int | None, must_compile: bool) -> None:
        self.threads, self.must_compile = threads, must_compile
        # Those for few rows and for many that no one is using; None where there can be none.
        self.idle: dict[bool, list[CompiledPrediction | None]] = {True: [], False: []}

    def __call__(self, network: Chain, x: Any) -> Array | None:
        """The network's outputs, or None where they cannot be compiled. What is not in memory
        is read a few rows at a time."""
        few = len(x) <= FEW_ROWS
        idle = self.idle[few]
        try:
            prediction = idle.pop()  # it has one memory, and now belongs to this call
        except IndexError:
            prediction = self._prepare(network, few)
        if prediction is None:
            idle.append(None)
            return None
        try:
            if few or type(x) is np.ndarray:
                return prediction(x)
            starts = range(0, len(x), PREDICTION_ROWS)
            return np.concatenate(
                [prediction(x[start : start + PREDICTION_ROWS]) for start in starts]
            )
        finally:
            idle.append(prediction)

    def _prepare(self, network: Chain, few: bool) -> CompiledPrediction | None:
        """A plan that predicts few or many rows; None where there can be none."""
        try:
            if few:
                return FewPredictions(network)
            threads = self.threads or available_threads()
            return CompiledPrediction(network, PREDICTION_ROWS, threads)
        except Obstacle as obstacle:
            if self.must_compile:
                raise obstacle.refusal() from None
            return None


def load(plan: Plan) -> Any:
    """The machine that runs a plan, in whose table the addresses of its operations now stand."""
    for number, instruction in enumerate(plan.instructions):
        plan.row(number).handler = handler_address(instruction, str(plan.dtype))
    return run_function(str(plan.dtype))


def run_threads(plan: Plan, run: Any) -> None:
    """Run a plan with all its threads, this one among them."""
    plan.begin_run()
    at = plan.context_address
    if plan.threads == 1:
        run(at, 0, 0.0)
        return
    with interrupts_afterwards():  # the memory they work on must outlive them all
        run_together(lambda thread: run(at, thread, 0.0), plan.threads)
