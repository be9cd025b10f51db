"""The five labs' files as they stand, beside the repository: adopted, trained, and written out."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.layers import HandWritten

BESIDE = Path(__file__).parents[3] / "shared" / "cases"
LABS = Path(os.environ.get("CHAINRULE_CASES", BESIDE)) / "labs"
OWN_LOSS = cr.losses.TargetsAsGradient(loss="mean_squared_error")


@dataclass(frozen=True)
class Lab:
    """A layer or network of a lab.

    Args:
        shape: of an example.
        counts_classes: true if its targets are classes.
    """

    file: str
    make: Callable[[ModuleType], HandWritten]
    shape: int | tuple[int, ...]
    loss: Any = "mean_squared_error"
    counts_classes: bool = False


def mlp_parameters() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    shapes = {"W1": (6, 4), "b1": (6, 1), "W2": (5, 6), "b2": (5, 1), "W3": (3, 5), "b3": (3, 1)}
    return {name: rng.normal(size=shape) for name, shape in shapes.items()}


def fully_connected(m: ModuleType) -> Any:
    network = m.Network()
    for layer in (m.FCLayer(4, 5), m.ActivationLayer(m.tanh, m.tanh_prime), m.FCLayer(5, 3)):
        network.add(layer)
    network.compute_loss(m.mse, m.mse_prime)
    return network


def parabola(m: ModuleType) -> Any:
    first = m.Layer((1, 1, 2), (1, 1, 2, 3), (1, 1), (1, 1, 3))
    return m.Network([first, m.Layer((1, 1, 3), (1, 1, 3, 1), (1, 1), (1, 1, 1))])


LAB_CODE = {
    "parabola layer": Lab("parabola", lambda m: HandWritten(m.Layer()), (1, 1, 2)),
    "parabola": Lab("parabola", lambda m: HandWritten(parabola(m)), (1, 1, 2)),
    "mnist_mlp": Lab(
        "mnist_mlp",
        lambda m: HandWritten(
            (m.forward_pass, m.backward_pass), parameters=mlp_parameters(), batch_axis=1
        ),
        4,
        "targets_as_gradient",
        counts_classes=True,
    ),
    "two_layer": Lab(
        "two_layer",
        lambda m: HandWritten(m.two_layer_network(4, 5, 6, 1, 0.1, "GD", "normal")),
        4,
        OWN_LOSS,
    ),
    "convolution": Lab(
        "two_layer_convolution", lambda m: HandWritten(m.Conv2d(2, 3, 3, 2, 1)), (2, 7, 6)
    ),
    "two convolutions": Lab("two_layer_convolution", lambda m: HandWritten(m.ConvNet()), (3, 8, 7)),
    "layer": Lab("layer", lambda m: HandWritten(m.FullyConnected(4, 3)), 4),
    "network": Lab(
        "network",
        lambda m: HandWritten(m.Network()),
        784,
        "targets_as_gradient",
        counts_classes=True,
    ),
    "activation layer": Lab(
        "fully_connected", lambda m: HandWritten(m.ActivationLayer(m.tanh, m.tanh_prime)), 4
    ),
    "fully_connected layer": Lab("fully_connected", lambda m: HandWritten(m.FCLayer(4, 3)), 4),
    "fully_connected": Lab(
        "fully_connected", lambda m: HandWritten(fully_connected(m)), (1, 4), OWN_LOSS
    ),
}

pytestmark = pytest.mark.skipif(
    not LABS.is_dir(), reason="no labs beside: name their folder's parent with CHAINRULE_CASES"
)


@pytest.fixture
def labs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    monkeypatch.syspath_prepend(str(LABS))
    before = set(sys.modules)
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__file__", None) == str(LABS / f"{name}.py"):
            del sys.modules[name]


def batch(network: cr.Network, lab: Lab) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(12, *network.input_shape))
    if lab.counts_classes:
        return x, rng.integers(network.output_shape[0], size=12)
    return x, rng.uniform(0.1, 0.9, size=(12, *network.output_shape))


@pytest.mark.parametrize("name", LAB_CODE)
def test_a_lab_is_adopted_as_it_stands(name: str, labs) -> None:
    lab = LAB_CODE[name]
    network = cr.Network([lab.make(labs(lab.file))], lab.shape, dtype="float64")
    x, y = batch(network, lab)
    settings = {"optimizer": "sgd(0.02)", "epochs": 5, "batch_size": 4, "quiet": True}
    losses = network.fit(x, y, loss=lab.loss, **settings)["loss"]
    if network.parameters:
        assert losses[-1] < losses[0]
    else:
        assert name == "activation layer"


@pytest.mark.parametrize("name", LAB_CODE)
def test_a_lab_is_written_out(name: str, labs) -> None:
    from tests.explain.test_unroll import assert_same_bits

    lab = LAB_CODE[name]
    network = cr.Network([lab.make(labs(lab.file))], lab.shape, dtype="float64")
    assert_same_bits(network, cr.explain.unroll(network, lab.loss))


def test_the_parabola_labs_network_learns_as_it_does_by_itself(labs) -> None:
    m = labs("parabola")
    x, y = cr.datasets.parabola(200, np.random.default_rng(0))
    x, y = x.reshape(-1, 1, 1, 2), y.reshape(-1, 1, 1, 1).astype(float)
    own = parabola(m)
    network = cr.Network([HandWritten(own), cr.Flatten()], (1, 1, 2), dtype="float64")
    loss = cr.losses.BinaryCrossEntropy(from_logits=False, margin=1e-7)
    settings = {"optimizer": "sgd(2.0)", "epochs": 30, "batch_size": "full", "quiet": True}
    network.fit(x, y.reshape(-1), loss=loss, **settings)
    for _ in range(30):
        own.train(x, y, 2.0)
    for name, array in zip(
        network.parameters,
        (own.layers[0].w, own.layers[0].b, own.layers[1].w, own.layers[1].b),
        strict=True,
    ):
        np.testing.assert_allclose(network.parameters[name], array, rtol=1e-3, atol=1e-4)


def test_a_dictionary_that_the_lab_has_used_already(labs) -> None:
    m = labs("mnist_mlp")
    used = m.forward_pass(np.ones((4, 2)), mlp_parameters())
    layer = HandWritten((m.forward_pass, m.backward_pass), parameters=used, batch_axis=1)
    layer.build(4)
    assert set(layer.adopted.values) == set(mlp_parameters())


@pytest.mark.parametrize("name", ["parabola", "fully_connected layer", "convolution", "network"])
def test_a_lab_with_nothing_to_learn(name: str, labs) -> None:
    lab = LAB_CODE[name]
    layer = lab.make(labs(lab.file))
    layer.build(lab.shape, dtype="float64")
    y, cache = layer.forward(np.zeros((3, *np.atleast_1d(lab.shape))))
    layer.backward(np.zeros_like(y), cache)
    assert layer.adopted.values
