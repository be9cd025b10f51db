"""Targets and weights in the form that the machine reads."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.data.tables.labels import are_labels
from chainrule.engine.operations.losses import criterion_of
from chainrule.losses import Loss, SoftmaxCrossEntropy, check_weights
from chainrule.types import Array, Shape


@dataclass(frozen=True)
class Targets:
    """Class numbers or values for every example, and how much each counts.

    `divisors` is what an example adds to the divisor of the mean, where that is not 1;
    `values_of_example` how many numbers the mean is over in each.
    """

    labels: npt.NDArray[np.int64] | None
    values: Array | None
    weights: npt.NDArray[np.float64] | None
    divisors: npt.NDArray[np.float64] | None
    values_of_example: int
    of_nothing: float  # how much a step counts whose examples all count nothing

    @classmethod
    def prepare(
        cls, loss: Loss, y: Any, weights: Array | None, shape: Shape, dtype: np.dtype[Any]
    ) -> Targets:
        """Check and convert targets for outputs of this shape.

        Raises:
            TargetError: targets or weights that do not fit, as the loss itself says.
        """
        y = np.asarray(y)
        outputs = np.broadcast_to(np.zeros((), dtype), (len(y), *shape))
        labels = values = None
        if are_labels(y, shape):
            loss.prepare(outputs[:1], y[:1])  # what the loss has against class numbers
            if y.min() < 0 or y.max() >= shape[0]:
                loss.prepare(outputs, y)
            labels = np.ascontiguousarray(y, np.int64)
        else:
            values = np.ascontiguousarray(loss.prepare(outputs, y), dtype)
        counted = None
        if weights is not None:
            counted = np.ascontiguousarray(check_weights(weights, outputs), np.float64)
        class_weights = loss.class_weights if isinstance(loss, SoftmaxCrossEntropy) else None
        divisors = counted
        if class_weights is not None:
            each = np.asarray(class_weights, np.float64)
            loss.formulas(outputs[:1].astype(dtype), np.zeros((1, *shape), dtype))
            of_class = each[labels] if labels is not None else np.asarray(values) @ each
            divisors = of_class if counted is None else of_class * counted
        size = 1 if criterion_of(loss).is_of_example else math.prod(shape)
        of_nothing = 0.0 if class_weights is None else 1.0  # as `Loss.weight_of` has it
        return cls(labels, values, counted, divisors, size, of_nothing)

    def of(self, rows: npt.NDArray[np.int64] | slice) -> Targets:
        """Those of some examples."""
        return replace(
            self,
            labels=None if self.labels is None else self.labels[rows],
            values=None if self.values is None else self.values[rows],
            weights=None if self.weights is None else self.weights[rows],
            divisors=None if self.divisors is None else self.divisors[rows],
        )

    def weights_of_steps(
        self, rows: npt.NDArray[np.int64], batch_size: int
    ) -> npt.NDArray[np.float64]:
        """How much every step counts: its number of examples, or the sum of what they count."""
        starts = np.arange(0, len(rows), batch_size)
        if self.divisors is None:
            return np.minimum(len(rows) - starts, batch_size).astype(np.float64)
        sums = np.add.reduceat(self.divisors[rows], starts)
        return np.where(sums == 0, self.of_nothing, sums)
