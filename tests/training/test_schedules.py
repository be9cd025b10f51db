"""Schedules by hand: the factor at the moments that matter."""

from __future__ import annotations

import math

import pytest

from chainrule.errors import ArgumentError, UnknownNameError
from chainrule.history import History
from chainrule.schedules import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    Moment,
    OneCycle,
    ReduceOnPlateau,
    Schedule,
    Step,
    WarmUp,
)

STEPS = 10  # in an epoch


def factors(schedule: Schedule, at: list[float], epochs: int = 10) -> list[float]:
    """The factors when so many epochs are done."""
    return [schedule.factor(Moment(round(epoch * STEPS), STEPS, epochs)) for epoch in at]


@pytest.mark.parametrize(
    ("schedule", "at", "expected"),
    [
        (Constant(), [0, 0.5, 9.9], [1, 1, 1]),
        (Step(3, 0.1), [0, 2.9, 3, 5.9, 6, 9.9], [1, 1, 0.1, 0.1, 0.01, 0.001]),
        (Exponential(0.5), [0, 0.9, 1, 3.5], [1, 1, 0.5, 0.125]),
        (Cosine(), [0, 2.5, 5, 7.5, 10], [1, (2 + 2**0.5) / 4, 0.5, (2 - 2**0.5) / 4, 0]),
        (Cosine(0.2), [0, 5, 10], [1, 0.6, 0.2]),
        (WarmUp(2), [0, 0.1, 0.9, 1.9, 2, 9.9], [0.05, 0.1, 0.5, 1, 1, 1]),
        (WarmUp(2, "cosine"), [1.9, 2, 6, 10], [1, 1, 0.5, 0]),
        (WarmUp(1, Step(2, 0.5)), [0.9, 1, 2.9, 3, 5], [1, 1, 1, 0.5, 0.25]),
    ],
    ids=repr,
)
def test_factors(schedule: Schedule, at, expected) -> None:
    assert factors(schedule, at) == pytest.approx(expected, abs=1e-12)


def test_one_cycle_rises_from_a_25th_to_the_peak_and_falls_to_nearly_nothing() -> None:
    """PyTorch's OneCycleLR over 100 steps: its peak is at step 0.3 · 100 - 1 = 29."""
    path = [OneCycle().factor(Moment(step, STEPS, 10)) for step in range(100)]
    assert path[0] == pytest.approx(1 / 25)
    assert path[29] == 1
    assert path[99] == pytest.approx(1 / 25 / 1e4)
    assert path[:30] == sorted(path[:30])
    assert path[29:] == sorted(path[29:], reverse=True)
    assert path[64] == pytest.approx((1 + 1 / 25e4) / 2)  # half-way down


def test_one_cycle_of_a_single_step() -> None:
    assert math.isfinite(OneCycle().factor(Moment(0, 1, 1)))


def plateau(losses: list[float], **options) -> list[float]:
    """The factor after each of these losses, which are accuracies, too."""
    history, path = History(), []
    for epoch, loss in enumerate(losses, start=1):
        record = {"epoch": epoch, "loss": 0.0, "validation_loss": loss, "accuracy": loss}
        history.append(record)
        path.append(ReduceOnPlateau(**options).factor(Moment(epoch, 1, 99, history)))
    return path


@pytest.mark.parametrize(
    ("losses", "options", "expected"),
    [
        ([4, 3, 2, 1], {"patience": 0}, [1, 1, 1, 1]),
        ([4, 4, 4, 4], {"patience": 0}, [1, 0.1, 0.01, 0.001]),
        ([4, 4, 4, 4, 4, 4, 4], {"patience": 2, "decay": 0.5}, [1, 1, 1, 0.5, 0.5, 0.5, 0.25]),
        ([4, 5, 3, 5, 5, 5], {"patience": 1}, [1, 1, 1, 1, 0.1, 0.1]),
        ([4, 3.9, 3.8], {"patience": 0, "threshold": 0.1}, [1, 0.1, 0.01]),
        ([4, 4], {"patience": 0, "monitor": "loss"}, [1, 0.1]),
        ([1, 2, 3, 4], {"patience": 0, "monitor": "accuracy"}, [1, 1, 1, 1]),
        ([4, 3, 3, 5], {"patience": 0, "monitor": "accuracy"}, [1, 0.1, 0.01, 0.01]),
        ([4, 3, 2, 1], {"patience": 0, "monitor": "accuracy", "mode": "min"}, [1, 1, 1, 1]),
        ([1, 2, 3, 4], {"patience": 0, "mode": "max"}, [1, 1, 1, 1]),
        ([-1, -2, -3], {"patience": 0}, [1, 1, 1]),
        ([-1, -1, -1], {"patience": 0}, [1, 0.1, 0.01]),
    ],
)
def test_a_plateau_longer_than_the_patience_lowers_the_rate(losses, options, expected) -> None:
    assert plateau(losses, **options) == pytest.approx(expected)


def test_before_the_first_epoch_nothing_has_been_a_plateau() -> None:
    assert ReduceOnPlateau(patience=0).factor(Moment(0, 1, 10)) == 1


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_stays_within_zero_and_one(name: str) -> None:
    schedule = SCHEDULES[name]()
    for step in range(100):
        assert 0 <= schedule.factor(Moment(step, STEPS, 10)) <= 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Step(0), "every is a whole number, 1 or more"),
        (lambda: Step(decay=0), "decay is a number in"),
        (lambda: Exponential(1.5), "decay is a number in"),
        (lambda: Cosine(-0.1), "final is a number in"),
        (lambda: WarmUp(0), "epochs is a whole number, 1 or more"),
        (lambda: OneCycle(rise=1), "rise is a number in"),
        (lambda: ReduceOnPlateau(patience=-1), "patience is a whole number, 0 or more"),
    ],
)
def test_options_that_cannot_be(make, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


def test_a_misspelt_schedule_after_the_warm_up() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'cosine'"):
        WarmUp(1, "cosin")
