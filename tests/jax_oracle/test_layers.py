"""Every layer agrees with JAX in float64: its value, its input's and its parameters' gradients."""

from __future__ import annotations

import jax_layers
import numpy as np
import pytest
from conformance import backpropagated, batch, evaluated, upstream
from layer_cases import LAYER_CASES, LayerCase

from chainrule.layers import LAYERS, BatchNorm, Dropout
from chainrule.layers.base import walk


def modes(case: LayerCase) -> list[bool]:
    """Evaluation too where a layer has two ways to run."""
    layers = [layer for _, layer in walk(case.make())]
    has_two = any(isinstance(layer, (BatchNorm, Dropout)) for layer in layers)
    return [False, True] if has_two else [True]


@pytest.mark.parametrize(
    ("case", "training"),
    [
        pytest.param(case, training, id=f"{case}{'' if training else ', evaluation'}")
        for case in LAYER_CASES
        for training in modes(case)
    ],
)
def test_value_and_gradients_agree(case: LayerCase, training: bool) -> None:
    network, x, dy = case.network(), batch(case), upstream(case)
    network.start_epoch(1)
    y, dx, dparameters = jax_layers.gradients(network, x, dy, training)
    found = backpropagated(network, x, dy, training)
    jax_layers.agree(found.pop("x"), dx, "dx")
    assert found.keys() == dparameters.keys()
    for name, gradient in found.items():
        jax_layers.agree(gradient, dparameters[name], f"d{name}")
    jax_layers.agree(evaluated(network, x, training), y, "y")


def test_every_layer_has_a_formula() -> None:
    assert {layer.__name__ for layer in jax_layers.FORMULAS} == set(LAYERS)


@pytest.mark.parametrize("wrong", [1e-8, np.nan])
def test_the_comparison_can_fail(wrong: float) -> None:
    with pytest.raises(AssertionError, match="relative error"):
        jax_layers.agree([1.0, 2.0 + wrong], [1.0, 2.0], "y")
