"""No activation overflows, and each is itself at the ends of its range."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.layers import (
    ACTIVATIONS,
    ELU,
    GELU,
    Layer,
    LeakyReLU,
    LogSoftmax,
    Sigmoid,
    Softmax,
    Softplus,
)

EXTREMES = [-1e4, -88.8, -20.0, -3.0, -1.0, 0.0, 1.0, 3.0, 20.0, 88.8, 1e4]
LAYERS = [make() for make in ACTIVATIONS.values()] + [GELU("tanh"), ELU(0.1), LeakyReLU(0.0)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_values_and_gradients_are_finite(layer: Layer, dtype: str) -> None:
    x = np.array([EXTREMES, EXTREMES[::-1]], dtype)
    layer.build(x.shape[1:], dtype=dtype)
    with np.errstate(all="raise", under="ignore"):
        y, cache = layer.forward(x)
        dx = layer.backward(np.full_like(x, -1.5), cache)
    assert np.isfinite(y).all()
    assert np.isfinite(dx).all()
    assert y.dtype == dx.dtype == dtype


def test_sigmoid_reaches_zero_and_one() -> None:
    y, _ = Sigmoid().forward(np.array([-1e4, 1e4], np.float32))
    np.testing.assert_array_equal(y, [0, 1])


def test_softplus_is_zero_on_the_left_and_x_on_the_right() -> None:
    y, _ = Softplus().forward(np.array([-1e4, 1e4], np.float32))
    np.testing.assert_array_equal(y, [0, 1e4])


@pytest.mark.parametrize("shift", [-1e4, 0, 1e4])
def test_softmax_sums_to_one_wherever_its_inputs_lie(shift: float) -> None:
    x = np.array([[1, 2, 3, -1e4, 2.5]], np.float32) + np.float32(shift)
    y, _ = Softmax().forward(x)
    np.testing.assert_allclose(y.sum(), 1, rtol=1e-6)


def test_log_softmax_keeps_what_softmax_rounds_to_zero() -> None:
    y, _ = LogSoftmax().forward(np.array([[1e4, -1e4]], np.float32))
    np.testing.assert_array_equal(y, [[0, -2e4]])
