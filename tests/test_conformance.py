"""Every layer keeps the layer contract: its gradients are right, and it behaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from conformance import CHECKS
from layer_cases import LAYER_CASES, LayerCase

from chainrule.layers import LAYERS


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_every_layer(case: LayerCase, check: Callable[[LayerCase], None]) -> None:
    check(case)


def test_every_layer_has_a_case() -> None:
    assert {type(case.make()).__name__ for case in LAYER_CASES} == set(LAYERS)
