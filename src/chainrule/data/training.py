"""What an epoch of training reads: the examples, and the plan that deals them out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.arguments import choice, integer
from chainrule.data.dataset import Array, Batch, batches, check_pair, epoch_order, split
from chainrule.errors import ArgumentError, DataError


@dataclass(frozen=True)
class TrainingData:
    """Examples with their targets and weights, or a function of the epoch that draws them."""

    x: Any
    y: Any
    weights: Array | None = None
    draw: Callable[[int], tuple[Any, Any]] | None = None
    epoch: int = 1  # the one that x and y were drawn for, where they are drawn

    @classmethod
    def given(cls, x: Any, y: Any, weights: Any = None, what: str = "training") -> TrainingData:
        """What the user passed to `fit`. Raises DataError where it does not belong together."""
        if callable(x) and y is None:
            return cls(None, None, draw=x, epoch=0).of_epoch(1)
        if y is None:
            raise DataError("y is missing: fit(x, y), or fit(draw) with draw(epoch) -> (x, y)")
        x, y = _as_arrays(x, y, what)
        if weights is not None:
            weights = np.asarray(weights)
            check_pair(x, weights, "training (its weights)")
        return cls(x, y, weights)

    def of_epoch(self, epoch: int) -> TrainingData:
        """The examples of one epoch: the same ones, unless they are drawn."""
        if self.draw is None or epoch == self.epoch:
            return self
        return TrainingData(*_as_arrays(*self.draw(epoch)), draw=self.draw, epoch=epoch)

    def hold_out(self, part: float | int, seed: int) -> tuple[TrainingData, TrainingData]:
        """Training examples and held-out ones. Drawn data is never held out: draw more."""
        if self.draw is not None or self.weights is not None:
            raise ArgumentError(
                "with fresh data or weights, give the validation data itself: "
                "validation=(x_val, y_val)"
            )
        (x, y), (x_held_out, y_held_out) = split(self.x, self.y, part, seed)
        return TrainingData(x, y), TrainingData(x_held_out, y_held_out)


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

    def steps_in_epoch(self, available: int) -> int:
        """How many steps one epoch has; the last may be smaller."""
        return math.ceil(self.examples_in_epoch(available) / self.examples_in_batch(available))

    def is_one_step(self, available: int) -> bool:
        """Whether an epoch is a single step on all examples."""
        return self.samples_per_epoch is None and self.examples_in_batch(available) == available

    def order(self, available: int, epoch: int, seed: int) -> npt.NDArray[np.intp]:
        """Which examples one epoch visits, and in what order."""
        size = self.examples_in_batch(available)
        return epoch_order(available, size, self.samples_per_epoch, seed, epoch)

    def deal(self, data: TrainingData, epoch: int, seed: int) -> Iterator[Batch]:
        """The batches of one epoch."""
        count = len(data.x)
        if self.is_one_step(count):
            return iter([Batch(data.x[:], data.y[:], data.weights)])  # all of it, uncopied
        size = self.examples_in_batch(count)
        return batches(data.x, data.y, data.weights, size, self.order(count, epoch, seed))


def _as_arrays(x: Any, y: Any, what: str = "training") -> tuple[Any, Any]:
    """Inputs and targets of one length. What has a shape stays as it is: it may be on disk."""
    x, y = (array if hasattr(array, "shape") else np.asarray(array) for array in (x, y))
    check_pair(x, y, what)
    return x, y
