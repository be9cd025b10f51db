"""What an epoch of training reads: the examples, and the plan that deals them out."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.arguments import choice, integer, number
from chainrule.augment import Augmentation, Augmented
from chainrule.augment.changes import Mixing
from chainrule.data.dataset import check_pair
from chainrule.data.given import as_array
from chainrule.data.repeats import find_repeats
from chainrule.data.splits import split
from chainrule.data.tables.labels import are_labels, class_numbers
from chainrule.errors import ArgumentError, DataError
from chainrule.presentation.display import counted
from chainrule.seeding import generator
from chainrule.types import Array, Shape


@dataclass(frozen=True)
class TrainingData:
    """Examples with their targets and weights, or a function of the epoch that draws them."""

    x: Any
    y: Any
    weights: Array | None = None
    draw: Callable[[int], tuple[Any, Any]] | None = None
    epoch: int = 1  # the one that x and y were drawn for, where they are drawn
    change: Callable[[int], Augmented] | None = None  # x in an epoch, where it is augmented
    output_shape: Shape = ()  # of the network, which mixed targets fit

    @classmethod
    def given(cls, x: Any, y: Any, weights: Any = None, what: str = "training") -> TrainingData:
        """What the user passed to `fit`. Raises DataError where it does not belong together."""
        if callable(x) and y is None:
            return cls(None, None, draw=x, epoch=0).of_epoch(1)
        if y is None:
            raise DataError("y is missing: fit(x, y), or fit(draw) with draw(epoch) -> (x, y)")
        x, y = _as_arrays(x, y, what)
        if weights is not None:
            weights = np.asarray(as_array(weights, "weights"))
            check_pair(x, weights, "training (its weights)")
        return cls(x, y, weights)

    def of_epoch(self, epoch: int) -> TrainingData:
        """The examples of one epoch: the same ones, unless they are drawn, or changed."""
        if self.change is not None:
            return self._augmented(self.change(epoch))
        if self.draw is None or epoch == self.epoch:
            return self
        return TrainingData(*_as_arrays(*self.draw(epoch)), draw=self.draw, epoch=epoch)

    def with_validation(
        self, validation: Any, seed: int
    ) -> tuple[TrainingData, TrainingData | None]:
        """What to train on and what to validate on, as `fit` takes it: None, ``(x, y)``, or how
        much of the data to hold out."""
        if validation is None:
            return self, None
        if isinstance(validation, (tuple, list)):
            if len(validation) != 2:
                raise ArgumentError(
                    f"validation is a pair (x, y), a fraction or a count; received a "
                    f"{type(validation).__name__} of {len(validation)}"
                )
            x, y = validation
            return self, TrainingData.given(x, y, what="validation")
        if isinstance(validation, str):
            raise ArgumentError(
                f"validation is a pair (x, y), a fraction or a count; received {validation!r}"
            )
        return self.hold_out(validation, seed)

    def hold_out(self, part: float | int, seed: int) -> tuple[TrainingData, TrainingData]:
        """Training examples and held-out ones. Drawn data is never held out: draw more."""
        if self.draw is not None or self.weights is not None:
            raise ArgumentError(
                "with fresh data or weights, give the validation data itself: "
                "validation=(x_val, y_val)"
            )
        (x, y), (x_held_out, y_held_out) = split(self.x, self.y, part, seed)
        return TrainingData(x, y), TrainingData(x_held_out, y_held_out)

    def repeated_in(self, held_out: TrainingData | None) -> list[str]:
        """A warning of held-out examples that are trained on too; of drawn ones nobody knows."""
        if held_out is None or self.draw is not None:
            return []
        warning = find_repeats(self.x, self.y, held_out.x, held_out.y).warning("validation")
        return [] if warning is None else [warning]

    def with_augmentation(
        self, augment: Augmentation | None, seed: int, output_shape: Shape
    ) -> TrainingData:
        """The same examples, changed anew in every epoch."""
        if augment is None:
            return self
        if self.draw is not None:
            raise ArgumentError(
                "augment changes examples that are the same in every epoch, and these are drawn: "
                "draw them as they should be"
            )
        augment.of_epoch(self.x, seed, 1)  # refuses what are no images
        return replace(
            self,
            change=lambda epoch: augment.of_epoch(self.x, seed, epoch),
            output_shape=output_shape,
        )

    def _augmented(self, x: Augmented) -> TrainingData:
        """The examples of an epoch, with the targets that are theirs where they are mixed."""
        if x.mixing is None:
            return replace(self, x=x, change=None)
        y = as_shares(np.asarray(self.y), self.output_shape)
        y, weights = mix(y, self.weights, x.mixing)
        return replace(self, x=x, y=y, weights=weights, change=None)

    def with_class_weights(self, class_weights: str | Sequence[float] | None) -> TrainingData:
        """The same examples, each counting as much as its class, times its own weight."""
        if class_weights is None:
            return self
        if self.draw is not None:
            raise ArgumentError(
                "class_weights cannot be had with fresh data, whose classes are not known ahead: "
                "draw each class as often as it should count"
            )
        weights = weigh_classes(self.y, class_weights)
        return replace(self, weights=weights if self.weights is None else weights * self.weights)


def weigh_classes(y: Any, class_weights: str | Sequence[float]) -> Array:
    """How much each example counts ``(N,)``, given how much its class does. "balanced" lets the
    classes count alike, and an example 1 on average: N / (classes · examples of its class).

    Source: King & Zeng, Logistic Regression in Rare Events Data (2001), section 4.2.

    >>> weigh_classes(np.array([0, 0, 0, 1]), "balanced").round(2)
    array([0.67, 0.67, 0.67, 2.  ])

    Raises:
        ArgumentError: neither "balanced" nor a number for each class.
        DataError: y are no class numbers.
    """
    numbers = class_numbers(np.asarray(y), "class_weights")
    counts = np.bincount(numbers)
    if isinstance(class_weights, str):
        choice(class_weights, "class_weights (or a number for each class)", ["balanced"])
        of_class = len(numbers) / (np.count_nonzero(counts) * np.maximum(counts, 1))
    else:
        of_class = np.array([number(one, "a class weight", "[0, inf)") for one in class_weights])
        if len(of_class) < len(counts):
            raise ArgumentError(
                f"class_weights has {counted(len(of_class), 'number')}, but y has classes up to "
                f"{len(counts) - 1}: give one for each class"
            )
    return of_class[numbers]


def as_shares(y: Array, output_shape: Shape) -> Array:
    """Targets of which a part can be taken: class numbers become a row with a 1 for each.

    >>> as_shares(np.array([1, 0]), (2,))
    array([[0., 1.],
           [1., 0.]], dtype=float32)
    """
    if are_labels(y, output_shape):
        return np.eye(output_shape[0], dtype=np.float32)[y]
    return y.astype(np.result_type(y, np.float32))


def mix(y: Array, weights: Array | None, mixing: Mixing) -> tuple[Array, Array | None]:
    """Targets of mixed examples, λ y_i + (1 - λ) y_j, and what they weigh. Where examples have
    weights, each target counts as much as its own example does."""
    shares, partners = mixing.shares, mixing.partners
    if weights is None:
        column = shares.astype(y.dtype).reshape(-1, *[1] * (y.ndim - 1))
        return column * y + (1 - column) * y[partners], None
    own, others = shares * weights, (1 - shares) * weights[partners]
    total = own + others
    of_own = np.divide(own, total, out=shares.copy(), where=total > 0)
    return mix(y, None, Mixing(partners, of_own))[0], total


BATCH_SIZE = 32
EPOCHS, STEPS = 10, 2_000  # that training makes at least, unless told otherwise;
MANY_EPOCHS, MANY_STEPS = 100, 5_000  # where an epoch has few steps, whichever comes first


def default_epochs(steps_in_epoch: int) -> int:
    """How many epochs to train unless told otherwise: 10, where that is 5,000 steps; else as many
    more as those take, up to 100 epochs; and of a set so small that these are not 2,000 steps, as
    many as those take.

    >>> [default_epochs(steps) for steps in (1_700, 100, 40, 5, 1)]
    [10, 50, 100, 400, 2000]
    """
    many = min(MANY_EPOCHS, math.ceil(MANY_STEPS / steps_in_epoch))
    return max(EPOCHS, many, math.ceil(STEPS / steps_in_epoch))


@dataclass(frozen=True)
class Plan:
    """How long to train and in what portions.

    `batch_size` may be "full"; with `samples_per_epoch` an epoch is so many random examples.
    """

    epochs: int
    batch_size: int | str = BATCH_SIZE
    samples_per_epoch: int | None = None

    @classmethod
    def of(
        cls,
        epochs: int | None,
        batch_size: int | str,
        samples_per_epoch: int | None,
        available: int,
    ) -> Plan:
        """The plan for so many examples: with `epochs` None, as many as `default_epochs` says."""
        plan = cls(1 if epochs is None else epochs, batch_size, samples_per_epoch)
        if epochs is not None:
            return plan
        return replace(plan, epochs=default_epochs(plan.steps_in_epoch(available)))

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
        """True if an epoch is a single step on all examples."""
        return self.samples_per_epoch is None and self.examples_in_batch(available) == available

    def order(self, available: int, epoch: int, seed: int) -> npt.NDArray[np.int64] | None:
        """Which examples one epoch visits, batch after batch; None for a single batch of all, whose
        sum has no order to shuffle.

        All `available` of them, shuffled; or `samples_per_epoch` drawn at random, without repeats
        while there are enough. Within a batch they ascend, which changes no sum and keeps reads
        from a memory-mapped file close together.
        """
        if self.is_one_step(available):
            return None
        rng, samples = generator(seed, "shuffle", epoch), self.samples_per_epoch
        if samples is None:
            order = rng.permutation(available)
        else:
            order = rng.choice(available, size=samples, replace=samples > available)
        return ascending_within(order, self.examples_in_batch(available))


def ascending_within(order: npt.NDArray[np.int64], batch_size: int) -> npt.NDArray[np.int64]:
    """The same batches, each in ascending order.

    >>> ascending_within(np.array([3, 1, 0, 4, 2]), 2)
    array([1, 3, 0, 4, 2])
    """
    if batch_size == 1:
        return order
    whole = len(order) // batch_size * batch_size
    full = np.sort(order[:whole].reshape(-1, batch_size), axis=1).ravel()
    return np.concatenate([full, np.sort(order[whole:])])


def _as_arrays(x: Any, y: Any, what: str = "training") -> tuple[Any, Any]:
    """Inputs and targets of one length."""
    x, y = as_array(x, "x"), as_array(y, "y")
    check_pair(x, y, what)
    return x, y
