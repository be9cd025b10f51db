"""One pass over the training data: what a runner is given, the steps it makes, and their report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.chain import measure
from chainrule.data.dataset import Batch
from chainrule.data.training import TrainingData
from chainrule.history import Record
from chainrule.metrics import Metric
from chainrule.objective import Objective
from chainrule.system.processes import ALONE, Processes
from chainrule.types import Array

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Epoch:
    """What a runner needs for the steps of one epoch.

    Args:
        data: the examples.
        order: which of them, batch after batch; None where every step takes all of them.
        batch_size: the examples of a step; the last may have fewer.
        rates: the learning rate of each step.
        first: the step to begin with; above 0 where training goes on within an epoch.
        processes: those that make the steps together.
        whole: the epoch of all processes, where this one makes the steps of its share by itself.
    """

    data: TrainingData
    order: Integers | None
    batch_size: int
    rates: Sequence[float]
    first: int = 0
    processes: Processes = ALONE
    whole: Epoch | None = None

    def rows(self, first: int, last: int) -> Integers:
        """The examples of steps `first` to `last`; all of them where every step takes them all."""
        if self.order is None:
            return np.arange(len(self.data.x))
        return self.order[first * self.batch_size : (last + 1) * self.batch_size]

    def count(self, first: int, last: int) -> int:
        """How many these are."""
        if self.order is None:
            return len(self.data.x)
        return min((last + 1) * self.batch_size, len(self.order)) - first * self.batch_size

    def batch(self, step: int) -> Batch:
        """The examples of a step."""
        return self._read(slice(None) if self.order is None else self.rows(step, step))

    def batches(self) -> Iterator[Batch]:
        """The examples of each step still to be made."""
        return map(self.batch, range(self.first, len(self.rates)))

    def _read(self, rows: Integers | slice) -> Batch:
        x, y, weights = self.data.x, self.data.y, self.data.weights
        return Batch(x[rows], y[rows], None if weights is None else weights[rows])

    # --- this process's share of every step ---------------------------------------------------

    def of_step(self, step: int) -> Epoch:
        """The same, as those have it who make a step: all processes together, or each by itself
        where there are fewer examples than processes."""
        if self.count(step, step) >= self.processes.count:
            return self
        return replace(self, processes=ALONE)

    @property
    def own_batch_size(self) -> int:
        """The most examples that this process has of a step."""
        share = self.processes.share(self.batch_size)
        return share.stop - share.start

    def own_rows(self, first: int, last: int) -> Integers | slice:
        """This process's examples of steps `first` to `last`; neighbours, which need no copy,
        where every step takes all."""
        if self.order is None:
            return self.processes.share(len(self.data.x))
        rows = self.rows(first, last)
        return rows if self.processes.count == 1 else rows[self._places(len(rows))]

    def own_count(self, first: int, last: int) -> int:
        """How many these are."""
        rows = self.own_rows(first, last)
        return rows.stop - rows.start if isinstance(rows, slice) else len(rows)

    def of_this_process(self) -> Epoch:
        """The epoch of a process that makes every step by itself, with its share of the batch. Of a
        last batch with fewer examples than processes, those that are left without take the last.
        """
        last = len(self.rates) - 1
        own = self.own_rows(0, last)
        rows = np.arange(own.start, own.stop) if isinstance(own, slice) else own
        if not self.own_count(last, last):
            rows = np.append(rows, self.rows(last, last)[-1])
        size = self.own_batch_size
        return replace(self, order=rows, batch_size=size, processes=ALONE, whole=self)

    def own_batch(self, step: int) -> Batch:
        """This process's examples of a step."""
        return self._read(self.own_rows(step, step))

    @property
    def drawn(self) -> Epoch:
        """The epoch for whose steps random layers draw: of all processes, so that an example has
        the numbers that it would have in one."""
        return self.whole or self

    def places(self, step: int) -> tuple[int, slice]:
        """How many examples random layers draw for in a step, and which of them belong to this
        process: the last, where it would be left without."""
        examples = self.drawn.count(step, step)
        share = self.drawn.processes.share(examples)
        begin = min(share.start, examples - 1)
        return examples, slice(begin, max(share.stop, begin + 1))

    def of_all(self, own: Array, first: int, last: int) -> Array:
        """A row for each example of steps `first` to `last`, given this process's rows; the other
        processes give theirs."""
        if self.processes.count == 1:
            return own
        count = self.count(first, last)
        rows = np.empty((count, *own.shape[1:]), own.dtype)
        for rank, part in enumerate(self.processes.gather(own)):
            rows[self._places(count, rank)] = part
        return rows

    def _places(self, examples: int, rank: int | None = None) -> Integers:
        """Which examples belong to a process, this one unless given, of so many in batches."""
        whole = examples - examples % self.batch_size
        batches = np.arange(whole).reshape(-1, self.batch_size)
        last = np.arange(whole, examples)
        share = self.processes.share
        parts = batches[:, share(self.batch_size, rank)].ravel(), last[share(len(last), rank)]
        return np.concatenate(parts)


@dataclass(frozen=True)
class Steps:
    """One step that has been made, or several in a row.

    `last` is the number of the last one in its epoch, counted from 0; `losses` and `weights` have a
    number for each step, `outputs` and `targets` a row for each example, where they were asked for.
    """

    last: int
    losses: Floats
    weights: Floats
    examples: int
    outputs: Array | None = None
    targets: Any = None


class EpochReport:
    """Loss and metrics of an epoch's training batches, each as it was before its update, in the
    unit of the user's targets.

    All is added up at the end of the epoch, so that no sum depends on how many steps a runner made
    at a time.
    """

    def __init__(self, objective: Objective, metrics: Sequence[Metric]) -> None:
        self.objective, self.metrics = objective, metrics
        self.steps: list[Steps] = []

    def add(self, steps: Steps) -> None:
        """Take in steps that have been made."""
        self.steps.append(steps)

    def merged(self) -> Steps:
        """All steps so far as one record, which takes their place."""
        if len(self.steps) == 1:
            return self.steps[0]

        def joined(name: str) -> Any:
            parts = [getattr(steps, name) for steps in self.steps]
            return None if parts[0] is None else np.concatenate(parts)

        merged = Steps(
            self.steps[-1].last,
            joined("losses"),
            joined("weights"),
            sum(steps.examples for steps in self.steps),
            joined("outputs"),
            joined("targets"),
        )
        self.steps = [merged]
        return merged

    def numbers(self) -> Record:
        """Loss and metrics by name."""
        steps, objective = self.merged(), self.objective
        if objective.loss.reduction == "mean":
            # Each step's share of the weights first: a single step's loss then stays as it is, to
            # the bit, as where epochs of one step are run ahead.
            shares = steps.weights / (float(steps.weights.sum()) or 1.0)
            loss = float((steps.losses * shares).sum())
        else:
            loss = float(steps.losses.sum())
        loss *= objective.factor
        if not self.metrics or steps.outputs is None:
            return {"loss": loss}
        outputs, targets = map(objective.restored, (steps.outputs, steps.targets))
        return {"loss": loss, **measure(outputs, targets, objective.loss, self.metrics)}
