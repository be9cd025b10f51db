"""Every layer keeps the layer contract: its gradients are right, and it behaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conformance import CHECKS, matches_central_differences
from layer_cases import LAYER_CASES, LayerCase
from sweep import some_long

from chainrule.layers import LAYERS


# Every entry by itself takes longest: in every run of the tests random directions go through all of
# them, and tests/jax_oracle compares each with JAX.
@pytest.mark.parametrize(
    "check",
    some_long(CHECKS, lambda check: check is matches_central_differences),
    ids=lambda check: check.__name__,
)
@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_every_layer(case: LayerCase, check: Callable[[LayerCase], None]) -> None:
    check(case)


def test_every_layer_has_a_case() -> None:
    assert {type(case.make()).__name__ for case in LAYER_CASES} == set(LAYERS)
