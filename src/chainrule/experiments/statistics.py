"""What a handful of runs can tell, and what they cannot.

A number measured with several seeds has a mean, a standard deviation, and a 95 % interval for
the mean by the bootstrap. Two variants run with the same seeds are compared seed by seed: the
differences have an interval by Student's t, which stays honest with five seeds, where the
bootstrap's would be too narrow.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.seeding import generator

CONFIDENCE = 0.95
RESAMPLES = 10_000


@dataclass(frozen=True)
class Estimate:
    """The mean of a number over seeds, its standard deviation, and an interval for the mean."""

    mean: float
    std: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Difference:
    """How much a variant differs from another one run with the same seeds.

    `effect` is the mean difference in units of the differences' own standard deviation (Cohen's
    d for pairs); infinite where all seeds give the same difference.
    """

    mean: float
    low: float
    high: float
    effect: float
    count: int

    @property
    def is_certain(self) -> bool:
        """True if the interval excludes zero."""
        return self.low > 0 or self.high < 0


def estimate(values: Sequence[float]) -> Estimate:
    """Mean, standard deviation (n - 1), and the percentile bootstrap's interval for the mean.

    Source: Efron & Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

    >>> estimate([0.9, 0.9, 0.9])
    Estimate(mean=0.9, std=0.0, low=0.9, high=0.9, count=3)
    """
    from scipy.stats import bootstrap

    numbers = np.asarray(values, np.float64)
    mean, spread = float(numbers.mean()), _std(numbers)
    if spread == 0:
        return Estimate(mean, 0.0, mean, mean, len(numbers))
    interval = bootstrap(
        (numbers,),
        np.mean,
        n_resamples=RESAMPLES,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=generator(0, "bootstrap"),
    ).confidence_interval
    return Estimate(mean, spread, float(interval.low), float(interval.high), len(numbers))


def difference(values: Sequence[float], reference: Sequence[float]) -> Difference:
    """values - reference, pair by pair, with Student's t interval for the mean difference.

    With a single pair, or where every pair differs by the same amount, nothing is known of the
    spread: the interval of one pair is infinite, that of equal differences is the difference.

    >>> difference([0.95, 0.96, 0.94], [0.90, 0.91, 0.89]).is_certain
    True
    """
    from scipy.stats import t

    pairs = np.asarray(values, np.float64) - np.asarray(reference, np.float64)
    mean, spread, count = float(pairs.mean()), _std(pairs), len(pairs)
    if count < 2:
        return Difference(mean, -math.inf, math.inf, 0.0, count)
    if spread == 0:
        return Difference(mean, mean, mean, math.copysign(math.inf, mean) if mean else 0.0, count)
    reach = float(t.ppf((1 + CONFIDENCE) / 2, count - 1)) * spread / math.sqrt(count)
    return Difference(mean, mean - reach, mean + reach, mean / spread, count)


def _std(numbers: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """The sample standard deviation; what is only rounding of equal numbers is 0."""
    spread = float(numbers.std(ddof=1)) if len(numbers) > 1 else 0.0
    return spread if spread > 1e-12 * max(float(np.abs(numbers).max()), 1e-300) else 0.0
