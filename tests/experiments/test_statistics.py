"""What five numbers can say: against scipy, hand-worked values, and simulation."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from scipy import stats

from chainrule.experiments.statistics import (
    corrected,
    difference,
    estimate,
    holm_levels,
    widest_effect,
)


def test_estimate_is_the_mean_and_the_sample_standard_deviation() -> None:
    result = estimate([1.0, 2.0, 4.0])
    assert result.mean == pytest.approx(7 / 3)
    assert result.std == pytest.approx(math.sqrt(7 / 3))  # ((4/3)² + (1/3)² + (5/3)²) / 2
    assert result.low < result.mean < result.high


@pytest.mark.parametrize("values", [[0.1 + 0.2, 0.3, 0.3], [0.3]])
def test_equal_numbers_say_nothing_of_the_spread(values: list[float]) -> None:
    result = estimate(values)
    assert (result.std, result.low, result.high) == (0.0, -math.inf, math.inf)


@pytest.mark.parametrize("values", [[1.0, 2.0], [0.95, 0.96, 0.98], [3.0, 1.0, 4.0, 1.0, 5.0]])
def test_the_interval_of_a_mean_is_students_t(values: list[float]) -> None:
    result = estimate(values)
    theirs = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert (result.low, result.high) == pytest.approx(theirs)


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_the_interval_of_a_mean_holds_it_19_times_in_20(seeds: int) -> None:
    rng, trials = np.random.default_rng(0), 2000
    found = [estimate(rng.normal(0.9, 0.01, seeds)) for _ in range(trials)]
    held = np.mean([one.low <= 0.9 <= one.high for one in found])
    assert held == pytest.approx(0.95, abs=0.015)  # three standard errors


def test_an_interval_is_not_cut_off_where_a_share_ends() -> None:
    assert estimate([0.98, 0.99, 1.0]).high > 1


def test_difference_is_the_paired_t_interval() -> None:
    a, b = [0.91, 0.94, 0.92, 0.95, 0.90], [0.90, 0.91, 0.92, 0.92, 0.88]
    result = difference(a, b)
    theirs = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert (result.low, result.high) == pytest.approx((theirs.low, theirs.high))
    gaps = np.subtract(a, b)
    assert result.effect == pytest.approx(gaps.mean() / gaps.std(ddof=1))


def test_pairing_finds_what_the_spread_of_seeds_would_hide() -> None:
    first = np.array([0.1, 0.5, 0.9])
    second = first + np.array([0.010, 0.011, 0.009])
    assert difference(second, first).is_certain


def test_noise_is_not_called_a_difference() -> None:
    assert not difference([0.90, 0.95, 0.91], [0.93, 0.90, 0.94]).is_certain


def test_one_pair_says_nothing() -> None:
    result = difference([0.9], [0.1])
    assert not result.is_certain
    assert (result.low, result.high) == (-math.inf, math.inf)


def test_two_pairs_are_never_certain() -> None:
    result = difference([0.9001, 0.9002], [0.1, 0.1])
    assert result.low > 0.7  # Student's interval excludes zero by far
    assert not result.is_certain
    assert result.doubt == "2 seeds are too few to tell; run 5"


@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_equal_differences_are_never_certain(seeds: int) -> None:
    result = difference([0.852] * seeds, [0.9] * seeds)  # seen: "-4.80 to -4.80: real"
    assert (result.low, result.high) == (-math.inf, math.inf)
    assert not result.is_certain
    assert result.doubt
    assert "too few" in result.doubt or "the spread is unknown" in result.doubt


def test_equal_runs_do_not_differ() -> None:
    result = difference([0.9, 0.8, 0.7], [0.9, 0.8, 0.7])
    assert (result.mean, result.is_certain) == (0.0, False)
    assert result.doubt == "no difference with any of 3 seeds"


def test_so_many_seeds_as_are_said_to_be_needed_would_tell() -> None:
    gaps = [0.3, -0.1, 0.2, 0.1, -0.05]
    result = difference(gaps, [0.0] * 5)
    needed = result.doubt
    assert needed
    count = int(re.search(r"about (\d+) seeds", needed)[1])

    def reach(seeds: int) -> float:
        return float(stats.t.ppf(0.975, seeds - 1) * np.std(gaps, ddof=1) / math.sqrt(seeds))

    assert reach(count) < np.mean(gaps) < reach(count - 1)


def test_the_interval_of_differences_is_right_19_times_in_20() -> None:
    rng = np.random.default_rng(0)
    trials = 400
    missed = sum(difference(rng.normal(size=5), np.zeros(5)).is_certain for _ in range(trials))
    assert 0.02 < missed / trials < 0.09  # 5 %, within three standard errors


@pytest.mark.parametrize("count", [2, 3, 5, 30])
@pytest.mark.parametrize("level", [0.05, 0.05 / 2, 0.05 / 7, 0.05 / 9_999])
def test_students_t_is_that_of_scipy_at_every_level(count: int, level: float) -> None:
    theirs = stats.t.ppf(1 - level / 2, count - 1) / math.sqrt(count)
    assert widest_effect(count, 1 - level) == pytest.approx(theirs, rel=1e-9)


def test_the_p_value_is_that_of_scipy() -> None:
    a, b = [0.91, 0.94, 0.92, 0.95, 0.90], [0.90, 0.91, 0.92, 0.92, 0.88]
    assert difference(a, b).p_value == pytest.approx(stats.ttest_rel(a, b).pvalue, rel=1e-12)


@pytest.mark.parametrize(
    ("p_values", "levels"),
    [  # worked by hand
        ([0.01, 0.04, 0.03, 0.005], [0.05 / 3, 0.05 / 2, 0.05 / 2, 0.05 / 4]),  # two are found
        ([0.001, 0.002, 0.003], [0.05 / 3, 0.05 / 2, 0.05]),  # all
        ([0.04, 0.03], [0.025, 0.025]),  # none, though each is below 0.05
        ([0.02, 0.013, 0.9], [0.025, 0.05 / 3, 0.05]),  # the last one alone is not
        ([0.2], [0.05]),
        ([], []),
    ],
)
def test_holms_levels(p_values: list[float], levels: list[float]) -> None:
    assert holm_levels(p_values) == pytest.approx(levels, rel=1e-12)


def test_intervals_exclude_zero_exactly_where_holms_method_finds_a_difference() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        shifts = rng.normal(size=4)
        gaps = [difference(rng.normal(shift, 0.5, 5), np.zeros(5)) for shift in shifts]
        p_values = [gap.p_value for gap in gaps]
        ranked = np.argsort(p_values)
        found: set[int] = set()
        for rank, place in enumerate(ranked):
            if p_values[place] >= 0.05 / (4 - rank):
                break
            found.add(int(place))
        assert {i for i, gap in enumerate(corrected(gaps)) if gap.is_certain} == found


def test_differences_that_cancel_are_corrected_too() -> None:
    cancelling = difference([0.5, 0.75, 0.25], [0.5, 0.5, 0.5])
    clear = difference([0.9, 0.91, 0.89], [0.5, 0.5, 0.5])
    assert cancelling.mean == cancelling.effect == 0
    for gap in corrected([cancelling, clear]):
        assert gap.low < gap.mean < gap.high
        assert gap.is_certain == (gap.mean > 0)


def test_any_of_ten_differences_of_pure_noise_is_found_once_in_twenty() -> None:
    rng = np.random.default_rng(0)
    trials = 200
    missed = sum(
        any(
            gap.is_certain
            for gap in corrected([difference(rng.normal(size=5), np.zeros(5)) for _ in range(10)])
        )
        for _ in range(trials)
    )
    assert 0.005 < missed / trials < 0.097  # 5 %, within three standard errors; it was 40 %
