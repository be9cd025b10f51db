"""What a handful of runs can tell, and what they cannot.

A number measured with several seeds has a mean, a standard deviation, and a 95 % interval for
the mean by Student's t. Two variants run with the same seeds are compared seed by seed: the mean
difference has such an interval too. Where several differences are judged together, Holm's method
keeps the chance that any is found where there is none at 5 %. Where nothing is known of the spread,
intervals have no bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from chainrule.presentation.display import counted

CONFIDENCE = 0.95
FEWEST_SEEDS = 3  # that may show a difference: how far two lie apart says little of the spread
MOST_SEEDS = 100  # that are ever recommended

Real = Any  # a float, or a number of mpmath's with more digits


class Interval:
    """What has an interval, from `low` to `high`: of 95 %, unless corrected for many."""

    low: float
    high: float

    @property
    def is_bounded(self) -> bool:
        """True if something is known of the spread, so that the interval has bounds."""
        return math.isfinite(self.low)


@dataclass(frozen=True)
class Estimate(Interval):
    """The mean of a number over seeds, its standard deviation, and an interval for the mean."""

    mean: float
    std: float
    low: float
    high: float
    count: int


@dataclass(frozen=True)
class Difference(Interval):
    """How much a variant differs from another one run with the same seeds.

    `effect` is the mean difference in units of the differences' own standard deviation (Cohen's
    d for pairs); NaN where that is not known. `confidence` is that of the interval: more than 95 %
    for one of several differences that are judged together.
    """

    mean: float
    low: float
    high: float
    effect: float
    count: int
    confidence: float = CONFIDENCE

    @property
    def p_value(self) -> float:
        """The probability of so large an effect, or a larger one, where there is none."""
        return float(chance_of(self.effect, self.count)) if self.is_bounded else 1.0

    @property
    def is_certain(self) -> bool:
        """True if there are enough seeds, and the interval excludes zero."""
        return self.count >= FEWEST_SEEDS and (self.low > 0 or self.high < 0)

    @property
    def doubt(self) -> str | None:
        """Why the runs do not show a difference, and what would be needed; None where they do.

        >>> difference([0.95, 0.96], [0.90, 0.91]).doubt
        '2 seeds are too few to tell; run 5'
        >>> difference([0.9, 0.8, 0.9], [0.9, 0.8, 0.9]).doubt
        'no difference with any of 3 seeds'
        >>> difference([0.9, 0.9, 0.9], [0.8, 0.8, 0.8]).doubt
        'the same with each of 3 seeds, so that the spread is unknown; run more'
        >>> difference([0.91, 0.90, 0.93], [0.90, 0.90, 0.90]).doubt
        'the runs cannot tell; if it is no chance, about 8 seeds would show it'
        """
        if self.is_certain:
            return None
        seeds = counted(self.count, "seed")
        if self.count < FEWEST_SEEDS:
            are = "is" if self.count == 1 else "are"
            return f"{seeds} {are} too few to tell; run 5"
        if not self.is_bounded:
            if self.mean == 0:
                return f"no difference with any of {seeds}"
            return f"the same with each of {seeds}, so that the spread is unknown; run more"
        needed = self._seeds_needed()
        if needed is None:
            return f"the runs cannot tell, nor would {MOST_SEEDS} seeds"
        return f"the runs cannot tell; if it is no chance, about {needed} seeds would show it"

    def _seeds_needed(self) -> int | None:
        """The number of seeds whose interval would exclude zero, were mean and spread as they
        are; None where there would have to be too many."""
        counts = range(self.count + 1, MOST_SEEDS + 1)
        return next((n for n in counts if chance_of(self.effect, n) < 1 - self.confidence), None)


def estimate(values: Sequence[float]) -> Estimate:
    """Mean, standard deviation (n - 1), and Student's t interval for the mean, which has no bounds
    where there is only one value, or all are equal.

    The interval knows of no limit to the values: that of an accuracy may reach beyond 100 %.

    >>> estimate([0.9, 0.9, 0.9])
    Estimate(mean=0.9, std=0.0, low=-inf, high=inf, count=3)
    """
    numbers = np.asarray(values, np.float64)
    mean, spread, count = float(numbers.mean()), _std(numbers), len(numbers)
    return Estimate(mean, spread, *_students_interval(mean, spread, count), count)


def difference(values: Sequence[float], reference: Sequence[float]) -> Difference:
    """values - reference, pair by pair, with Student's t interval for the mean difference.

    With a single pair, or where every pair differs by the same amount, nothing is known of the
    spread, and the interval has no bounds.

    >>> difference([0.95, 0.96, 0.94], [0.90, 0.92, 0.89]).is_certain
    True
    """
    pairs = np.asarray(values, np.float64) - np.asarray(reference, np.float64)
    mean, spread, count = float(pairs.mean()), _std(pairs), len(pairs)
    effect = mean / spread if spread else math.nan
    return Difference(mean, *_students_interval(mean, spread, count), effect, count)


def _students_interval(mean: float, spread: float, count: int) -> tuple[float, float]:
    """The 95 % interval for a mean, x̄ ± t s / √n with n - 1 degrees of freedom; without bounds
    where the spread is not known."""
    reach = widest_effect(count) * spread if spread else math.inf
    return mean - reach, mean + reach


def holm_levels(p_values: Sequence[float], level: float = 1 - CONFIDENCE) -> list[float]:
    """The level that each of k p-values is held against, so that the chance that any of them is
    below its own where there is nothing to find is at most `level`.

    The smallest is held against level/k, the next one against level/(k - 1), and so on; from the
    first that is not below its level, all others are held against that same level, and are not
    below it either.

    Source: Holm, A Simple Sequentially Rejective Multiple Test Procedure (1979).

    >>> [round(one, 4) for one in holm_levels([0.01, 0.04, 0.03, 0.005])]
    [0.0167, 0.025, 0.025, 0.0125]
    """
    levels = [0.0] * len(p_values)
    left, is_stopped = len(p_values), False
    for place in sorted(range(len(p_values)), key=p_values.__getitem__):
        levels[place] = level / left
        is_stopped = is_stopped or not p_values[place] < levels[place]
        left -= not is_stopped
    return levels


def corrected(differences: Sequence[Difference]) -> list[Difference]:
    """Differences that are judged together, each with the interval at its level by Holm's method,
    which excludes zero exactly where that method finds a difference."""
    levels = holm_levels([one.p_value for one in differences])
    return [_at(one, 1 - level) for one, level in zip(differences, levels, strict=True)]


def _at(one: Difference, confidence: float) -> Difference:
    """The same difference, with an interval of another confidence."""
    if not one.is_bounded:
        return replace(one, confidence=confidence)
    wider = widest_effect(one.count, confidence) / widest_effect(one.count, one.confidence)
    reach = wider * (one.high - one.low) / 2
    return replace(one, low=one.mean - reach, high=one.mean + reach, confidence=confidence)


def chance_of(effect: Real, count: int) -> Real:
    """The probability that so many differences show as large an effect where there is none.

    P(|T| > t) = I(ν / (ν + t²); ν/2, 1/2), with Student's t = effect √count, ν = count - 1
    degrees of freedom, and I the regularized incomplete beta function, of the library mpmath.

    Source: Abramowitz & Stegun, Handbook of Mathematical Functions (1964), 26.7.1.

    >>> round(float(chance_of(1.0, 7)), 4)
    0.0382
    """
    from mpmath import betainc

    freedom = count - 1
    share = freedom / (freedom + effect**2 * count)
    return betainc(freedom / 2, 0.5, 0, share, regularized=True)


@cache
def widest_effect(count: int, confidence: float = CONFIDENCE) -> float:
    """The largest effect that so many differences show by chance in 95 % of cases: half the width
    of the interval for a mean, in units of the spread.

    >>> round(widest_effect(5), 4)  # Student's t for 4 degrees of freedom, 2.7764, by √5
    1.2417
    """
    from mpmath import findroot

    level, at_most = 1 - confidence, 1.0
    while chance_of(at_most, count) > level:
        at_most *= 2
    found = findroot(
        lambda effect: chance_of(effect, count) / level - 1,
        (0.0 if at_most == 1 else at_most / 2, at_most),
        solver="illinois",
        tol=1e-24,
        maxsteps=100,
    )
    return float(found)


def _std(numbers: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    """The sample standard deviation; what is only rounding of equal numbers is 0."""
    spread = float(numbers.std(ddof=1)) if len(numbers) > 1 else 0.0
    return spread if spread > 1e-12 * max(float(np.abs(numbers).max()), 1e-300) else 0.0
