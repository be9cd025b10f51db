"""Targets of a regression brought to the size that networks learn best, whatever their unit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from chainrule.data.tables.columns import varies
from chainrule.errors import TargetError
from chainrule.presentation.display import describe_numbers
from chainrule.types import Array


@dataclass(frozen=True)
class TargetScale:
    """t' = (t - mean) / deviation, with a mean for each output and one standard deviation for all.

    With a single deviation, a loss of the distances between predictions and targets stays the one
    that was asked for, but for a factor.
    """

    means: tuple[float, ...]
    deviation: float

    @classmethod
    def learn(cls, y: Array, weights: Array | None = None) -> TargetScale:
        """From the targets of the training part, ``(N, outputs)``, and how much
        each example counts, ``(N,)``.

        >>> TargetScale.learn(np.array([[10.0], [30.0]]))
        TargetScale(means=(20.0,), deviation=10.0)
        """
        values = y.astype(np.float64).reshape(len(y), -1)
        means = np.average(values, axis=0, weights=weights)
        variances = np.average(np.square(values - means), axis=0, weights=weights)
        deviation = float(np.sqrt(variances.mean()))
        does_vary = varies(deviation, np.abs(means).max())
        return cls(tuple(means.tolist()), deviation if does_vary else 1.0)

    @classmethod
    def from_plain(cls, stored: Mapping[str, Any]) -> TargetScale:
        """What `as_plain` gave, read as if a stranger had written it.

        Raises:
            ValueError, TypeError, LookupError: it is damaged.
        """
        means, deviation = tuple(map(float, stored["means"])), float(stored["deviation"])
        if not all(map(math.isfinite, means)) or not 0 < deviation < math.inf or not means:
            raise ValueError("the statistics of the targets should be finite")
        return cls(means, deviation)

    def as_plain(self) -> dict[str, Any]:
        """Everything in it as plain data, for a file."""
        return asdict(self)

    def describe(self) -> str:
        """What it does, in a few words.

        >>> TargetScale((328_500.0,), 10.0).describe()
        'standardized (mean 328,500, standard deviation 10)'
        """
        means = (
            describe_numbers({"mean": self.means[0]}) if len(self.means) == 1 else "means of each"
        )
        deviation = describe_numbers({"standard_deviation": self.deviation})
        return f"standardized ({means}, {deviation})"

    def standardize(self, y: Array) -> Array:
        """Targets as the network learns them, in the shape they had.

        Raises:
            TargetError: there are more or fewer for an example than in training.
        """
        return self._changed(y, lambda values, means: (values - means) / self.deviation)

    def restore(self, values: Array) -> Array:
        """Outputs or standardized targets in the unit of the targets.

        >>> TargetScale((20.0,), 10.0).restore(np.array([[-1.0], [0.5]]))
        array([[10.],
               [25.]])
        """
        return self._changed(values, lambda values, means: values * self.deviation + means)

    def _changed(self, values: Array, change: Any) -> Array:
        """`change` of the values and the means, computed in double precision."""
        if math.prod(values.shape[1:]) != len(self.means):
            raise TargetError(
                f"y has shape {values.shape}, but the network was trained on "
                f"{len(self.means)} target{'s' * (len(self.means) != 1)} for each example"
            )
        rows = values.reshape(len(values), len(self.means)).astype(np.float64)
        kind = np.promote_types(values.dtype, np.float32)
        changed: Array = change(rows, np.array(self.means)).astype(kind).reshape(values.shape)
        return changed
