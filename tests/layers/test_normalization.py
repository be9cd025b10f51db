"""What normalizations leave behind: means, variances, running statistics."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.errors import ArgumentError
from chainrule.layers import BatchNorm, LayerNorm
from chainrule.network import Network

X = 5 + 3 * np.random.default_rng(0).standard_normal((50, 4, 4, 3))


def test_batch_norm_gives_each_channel_zero_mean_and_unit_variance() -> None:
    network = Network([BatchNorm()], (4, 4, 3), dtype="float64")
    y, _ = network.forward(X, training=True)
    np.testing.assert_allclose(y.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=(0, 1, 2)), 1, rtol=1e-5)


def test_layer_norm_gives_each_example_zero_mean_and_unit_variance() -> None:
    layer = LayerNorm()
    layer.build((4, 4, 3), dtype="float64")
    y, _ = layer.forward(X)
    np.testing.assert_allclose(y.mean(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axis=-1), 1, rtol=1e-2)


def test_running_statistics_by_hand() -> None:
    """0.9 · 0 + 0.1 · 2 = 0.2, and 0.9 · 1 + 0.1 · 2 = 1.1: 1 and 3 vary by 2, unbiased."""
    network = Network([BatchNorm()], 1, dtype="float64")
    network.forward([[1.0], [3.0]], training=True)
    np.testing.assert_allclose(network.buffers["0.running_mean"], [0.2])
    np.testing.assert_allclose(network.buffers["0.running_variance"], [1.1])


def test_running_statistics_converge_to_those_of_the_data_and_serve_prediction() -> None:
    network = Network([BatchNorm()], (4, 4, 3), dtype="float64")
    for _ in range(200):
        in_training, _ = network.forward(X, training=True)
    np.testing.assert_allclose(network.buffers["0.running_mean"], X.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(network.predict(X), in_training, atol=0.01)


def test_a_batch_of_one_normalizes_to_beta() -> None:
    network = Network([BatchNorm()], 2, dtype="float64")
    network.parameters["0.beta"] = [3, 4]
    y, _ = network.forward([[7.0, -7.0]], training=True)
    np.testing.assert_array_equal(y, [[3, 4]])


def test_running_statistics_are_no_parameters() -> None:
    network = Network([BatchNorm()], 2)
    assert list(network.parameters) == ["0.gamma", "0.beta"]
    assert list(network.buffers) == ["0.running_mean", "0.running_variance"]


@pytest.mark.parametrize("options", [{"momentum": 1.5}, {"epsilon": 0}])
def test_options_that_cannot_be(options) -> None:
    with pytest.raises(ArgumentError, match="is a number in"):
        BatchNorm(**options)
