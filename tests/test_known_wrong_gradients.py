"""The conformance checks can fail: layers that are wrong on purpose are rejected."""

from __future__ import annotations

from collections.abc import Callable

import conformance
import known_wrong_gradients
import numpy as np
import pytest
from known_wrong_gradients import KNOWN_WRONG, Twice
from layer_cases import LayerCase

from chainrule.layers import Layer, MaxPool2D, Sequential


@pytest.mark.parametrize(
    ("case", "check"),
    [pytest.param(case, check, id=f"{case}-{check.__name__}") for case, check in KNOWN_WRONG],
)
def test_a_wrong_layer_is_rejected(case: LayerCase, check: Callable[[LayerCase], None]) -> None:
    with pytest.raises(AssertionError):
        check(case)


def test_every_known_mistake_is_tried() -> None:
    mistakes = {
        name
        for name, thing in vars(known_wrong_gradients).items()
        if isinstance(thing, type) and thing.__module__ == Twice.__module__
        if issubclass(thing, Layer) and thing is not Twice
    }
    assert {case.name for case, _ in KNOWN_WRONG} == mistakes
    assert len(mistakes) >= 40


def test_the_layer_that_makes_ties_is_right_itself() -> None:
    ties = LayerCase("ties", lambda: Sequential([Twice(), MaxPool2D(2)]), (4, 5, 2))
    conformance.matches_central_differences(ties)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e-6])
def test_the_comparison_itself_sees_a_single_wrong_entry(wrong: float) -> None:
    expected = np.ones((3, 3))
    found = expected.copy()
    found[1, 2] += wrong
    with pytest.raises(AssertionError, match="dW is off by"):
        conformance.assert_close(found, expected, "dW")
