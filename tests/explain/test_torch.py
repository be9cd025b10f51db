"""Networks beside the same ones in PyTorch and in Keras."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from tests.explain.networks import Scale

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def torch() -> Any:
    return import_module("torch")


@pytest.fixture(scope="module")
def keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return import_module("keras")


def images(count: int = 4) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((count, 12, 12, 2))


def randomized(network: cr.Network) -> cr.Network:
    """With random numbers for all arrays, so that no zero bias hides a mistake."""
    rng = np.random.default_rng(1)
    network.parameters.flat[:] = 0.3 * rng.standard_normal(network.parameters.flat.size)
    network.buffers.flat[:] = rng.uniform(0.5, 2, network.buffers.flat.size)
    return network


def lenet(*, activation: type[cr.Layer] = cr.ReLU) -> cr.Network:
    layers = [
        *(cr.Conv2D(4, 3, padding=1), cr.BatchNorm(), activation(), cr.MaxPool2D(2)),
        *(cr.Conv2D(6, 3), activation(), cr.Flatten(), cr.Dropout(0.5), cr.Dense(10), cr.Tanh()),
        cr.Dense(3),
    ]
    return randomized(cr.Network(layers, (12, 12, 2), dtype="float64"))


def torch_lenet(torch: Any) -> Any:
    nn = torch.nn
    return nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(96, 10)),
        *(nn.Tanh(), nn.Linear(10, 3)),
    )


def test_a_convolutional_network_is_equal_layer_by_layer(torch: Any) -> None:
    network, module = lenet(), torch_lenet(torch)
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    comparison = cr.explain.compare(network, module, images())
    assert len(comparison.rows) == 11
    assert comparison.first_output is None
    assert comparison.first_gradient is None
    for row in comparison.rows:
        assert row.output is not None
        assert row.output < 1e-12
        assert row.gradient is not None
        assert row.gradient < 1e-12
        for found in row.parameters.values():
            assert found is not None
            assert found < 1e-12
    assert "Outputs and gradients are equal" in str(comparison)
    assert all(torch.equal(before[name], t) for name, t in module.state_dict().items())


ACTIVATIONS = [
    *(("ReLU", ()), ("LeakyReLU", (0.01,)), ("ELU", ()), ("SELU", ()), ("GELU", ()), ("SiLU", ())),
    *(("Sigmoid", ()), ("Tanh", ()), ("Softplus", ()), ("Softmax", (-1,)), ("LogSoftmax", (-1,))),
    *(("Mish", ()), ("PReLU", (5,))),
]


@pytest.mark.parametrize(("name", "options"), ACTIVATIONS)
def test_activations(torch: Any, name: str, options: tuple[float, ...]) -> None:
    network = randomized(cr.Network([cr.Dense(5), getattr(cr, name)(), cr.Dense(2)], 4))
    nn = torch.nn
    module = nn.Sequential(nn.Linear(4, 5), getattr(nn, name)(*options), nn.Linear(5, 2))
    x = np.random.default_rng(0).standard_normal((6, 4))
    comparison = cr.explain.compare(network, module, x)
    assert comparison.first_output is None, str(comparison)
    assert comparison.first_gradient is None, str(comparison)


def test_squeeze_and_excitation(torch: Any) -> None:
    class Block(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            nn = torch.nn
            self.first, self.act, self.drop = nn.Conv2d(2, 4, 3), nn.PReLU(4), nn.Dropout2d(0.2)
            self.squeeze, self.inner, self.relu = (
                nn.AdaptiveAvgPool2d(1),
                nn.Linear(4, 2),
                nn.ReLU(),
            )
            self.outer, self.sigmoid, self.last = nn.Linear(2, 4), nn.Sigmoid(), nn.Conv2d(4, 2, 3)

        def forward(self, x: Any) -> Any:
            x = self.drop(self.act(self.first(x)))
            gate = self.inner(self.squeeze(x).flatten(1))
            gate = self.sigmoid(self.outer(self.relu(gate)))
            return self.last(x * gate[:, :, None, None])

    gate = [cr.GlobalAveragePool2D(), cr.Dense(2), cr.ReLU(), cr.Dense(4), cr.Sigmoid()]
    layers = [cr.Conv2D(4, 3), cr.PReLU(), cr.SpatialDropout2D(0.2), cr.Gated(gate)]
    network = cr.Network([*layers, cr.StochasticDepth(0.1), cr.Conv2D(2, 3)], (12, 12, 2))
    comparison = cr.explain.compare(randomized(network), Block(), images())
    assert len(comparison.rows) == 9
    assert comparison.first_output is None, str(comparison)
    assert comparison.first_gradient is None, str(comparison)


def test_a_convolution_over_sequences(torch: Any) -> None:
    nn = torch.nn
    layers = [cr.Conv1D(4, 3, 2, 1, groups=2), cr.PReLU(), cr.Flatten(), cr.Dense(3)]
    network = randomized(cr.Network(layers, (9, 2), dtype="float64"))
    module = nn.Sequential(
        *(nn.Conv1d(2, 4, 3, 2, 1, groups=2), nn.PReLU(4), nn.Flatten(), nn.Linear(20, 3))
    )
    x = np.random.default_rng(0).standard_normal((5, 9, 2))
    comparison = cr.explain.compare(network, module, x)
    assert comparison.first_output is None, str(comparison)
    assert comparison.first_gradient is None, str(comparison)
    module.load_state_dict(cr.to_torch(network, like=module.state_dict()))
    again = cr.Network(layers, (9, 2), seed=1)
    cr.from_torch(module.state_dict(), again)
    np.testing.assert_allclose(again.predict(x), network.predict(x), rtol=1e-5, atol=1e-6)
    with torch.no_grad():
        theirs = module(torch.tensor(x.transpose(0, 2, 1), dtype=torch.float32)).numpy()
    np.testing.assert_allclose(theirs, network.predict(x), rtol=1e-5, atol=1e-6)


def test_groups_transposed_convolutions_and_norms(torch: Any) -> None:
    nn = torch.nn
    layers = [cr.Conv2D(4, 3, 2, 1, groups=2), cr.BatchNorm(), cr.ConvTranspose2D(3, 2, 2)]
    network = cr.Network(
        [*layers, cr.AveragePool2D(2), cr.Flatten(), cr.BatchNorm(), cr.Dense(2), cr.LayerNorm()],
        (12, 12, 2),
    )
    module = nn.Sequential(
        *(nn.Conv2d(2, 4, 3, 2, 1, groups=2), nn.BatchNorm2d(4), nn.ConvTranspose2d(4, 3, 2, 2)),
        *(nn.AvgPool2d(2), nn.Flatten(), nn.BatchNorm1d(108), nn.Linear(108, 2), nn.LayerNorm(2)),
    )
    comparison = cr.explain.compare(randomized(network), module, images())
    assert comparison.first_output is None, str(comparison)
    assert comparison.first_gradient is None, str(comparison)


@pytest.mark.parametrize("kind", ["Average", "Max"])
def test_global_pooling_and_a_residual_block(torch: Any, kind: str) -> None:
    class Block(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.act = torch.nn.Conv2d(2, 2, 3, padding=1), torch.nn.ReLU()
            self.pool = getattr(torch.nn, f"Adaptive{kind.replace('erage', 'g')}Pool2d")(1)
            self.last = torch.nn.Linear(2, 3)

        def forward(self, x: Any) -> Any:
            x = x + self.act(self.first(x))
            return self.last(self.pool(x).flatten(1))

    block = cr.Residual([cr.Conv2D(2, 3, padding=1), cr.ReLU()])
    pool = getattr(cr, f"Global{kind}Pool2D")()
    network = cr.Network([block, pool, cr.Dense(3)], (12, 12, 2))
    comparison = cr.explain.compare(randomized(network), Block(), images())
    assert [row.layer.split()[0] for row in comparison.rows] == [
        "0.branch.0",
        "0.branch.1",
        "1",
        "2",
    ]
    assert comparison.first_output is None, str(comparison)
    assert comparison.first_gradient is None, str(comparison)


# --- differences are found --------------------------------------------------------------------


def test_another_epsilon_is_found_where_it_is(torch: Any) -> None:
    module = torch_lenet(torch)
    module[1].eps = 1e-3
    comparison = cr.explain.compare(lenet(), module, images())
    assert comparison.first_output is not None
    assert comparison.first_output.layer == "1 BatchNorm()"
    assert "differ first at 1 BatchNorm()" in str(comparison)


class WrongGradient(cr.ReLU):
    """ReLU, whose backward pass forgets the examples after the first."""

    def backward(self, dy, positive):
        return dy * positive[:1]


WrongGradient.__name__ = "ReLU"


def test_a_wrong_gradient_is_found_where_it_is(torch: Any) -> None:
    comparison = cr.explain.compare(lenet(activation=WrongGradient), torch_lenet(torch), images())
    assert comparison.first_output is None
    assert comparison.first_gradient is not None
    assert comparison.first_gradient.layer == "4 Conv2D(6, 3)"  # the ReLU after it handed it dy
    assert "gradients differ first at 4 Conv2D" in str(comparison)


def test_same_padding_with_a_stride_is_not_padding_1(torch: Any) -> None:
    """Keras and ONNX pad below and to the right, PyTorch on both sides."""
    nn = torch.nn
    network = randomized(cr.Network([cr.Conv2D(2, 3, 2, "same"), cr.ReLU()], (12, 12, 2)))
    module = nn.Sequential(nn.Conv2d(2, 2, 3, 2, 1), nn.ReLU())
    first = cr.explain.compare(network, module, images()).first_output
    assert first is not None
    assert first.layer.startswith("0 Conv2D")


def test_layers_that_are_not_the_same(torch: Any) -> None:
    nn = torch.nn
    network = cr.Network([cr.Dense(3), cr.Tanh(), cr.Dense(2)], 4)
    module = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    with pytest.raises(cr.errors.ArgumentError, match=r"layer 1 Tanh\(\) here, ReLU there"):
        cr.explain.compare(network, module, np.zeros((2, 4)))


def test_shapes_that_are_not_the_same(torch: Any) -> None:
    network = cr.Network([cr.Dense(3)], 4)
    with pytest.raises(cr.errors.ArgumentError, match=r"W of shape \(3, 4\) .* shape \(5, 4\)"):
        cr.explain.compare(network, torch.nn.Linear(4, 5), np.zeros((2, 4)))


def test_a_layer_of_ones_own_has_no_partner(torch: Any) -> None:
    network = cr.Network([Scale(), cr.Dense(3)], 4)
    with pytest.raises(cr.errors.ArgumentError, match=r"layer 0 Scale\(\) here, Dense there"):
        cr.explain.compare(network, torch.nn.Linear(4, 3), np.zeros((2, 4)))


# --- Keras ------------------------------------------------------------------------------------


def keras_lenet(keras: Any, epsilon: float = 1e-5) -> Any:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((12, 12, 2)),
            *(layers.Conv2D(4, 3, padding="same"), layers.BatchNormalization(epsilon=epsilon)),
            *(
                layers.Activation("relu"),
                layers.MaxPooling2D(2),
                layers.Conv2D(6, 3, activation="relu"),
            ),
            *(layers.Flatten(), layers.Dropout(0.5), layers.Dense(10, activation="tanh")),
            layers.Dense(3),
        ]
    )


def test_keras_gives_the_same_outputs(keras: Any) -> None:
    model = keras_lenet(keras)
    before = [weights.copy() for weights in model.get_weights()]
    comparison = cr.explain.compare(lenet(), model, images())
    assert len(comparison.rows) == 11
    assert comparison.first_output is None, str(comparison)
    assert "Outputs are equal, up to 0.0001" in str(comparison)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_the_epsilon_of_keras_is_found(keras: Any) -> None:
    first = cr.explain.compare(lenet(), keras_lenet(keras, epsilon=1e-2), images()).first_output
    assert first is not None
    assert first.layer == "1 BatchNorm()"


@pytest.mark.parametrize("kind", ["Average", "Max"])
def test_a_transposed_convolution_and_global_pooling_in_keras(keras: Any, kind: str) -> None:
    layers = keras.layers
    pool = getattr(cr, f"Global{kind}Pool2D")()
    network = cr.Network(
        [cr.ConvTranspose2D(3, 2, 2, "same"), cr.Sigmoid(), pool, cr.Dense(2)], (12, 12, 2)
    )
    model = keras.Sequential(
        [
            keras.Input((12, 12, 2)),
            layers.Conv2DTranspose(3, 2, 2, padding="same", activation="sigmoid"),
            getattr(layers, f"Global{kind}Pooling2D")(),
            layers.Dense(2),
        ]
    )
    comparison = cr.explain.compare(randomized(network), model, images())
    assert comparison.first_output is None, str(comparison)


IN_KERAS = {
    "of images": (
        (12, 12, 2),
        lambda: [cr.Conv2D(4, 3), cr.PReLU(), cr.SpatialDropout2D(), cr.GlobalMaxPool2D()],
        lambda k: [
            *(k.Conv2D(4, 3), k.PReLU(shared_axes=[1, 2]), k.SpatialDropout2D(0.5)),
            k.GlobalMaxPooling2D(),
        ],
    ),
    "of sequences": (
        (9, 2),
        lambda: [cr.Conv1D(4, 3, 2, "same"), cr.ReLU(), cr.Flatten(), cr.Dense(3), cr.PReLU()],
        lambda k: [
            k.Conv1D(4, 3, 2, padding="same", activation="relu"),
            *(k.Flatten(), k.Dense(3), k.PReLU()),
        ],
    ),
}


@pytest.mark.parametrize("name", IN_KERAS)
def test_layers_of_recipes_in_keras(keras: Any, name: str) -> None:
    shape, ours, theirs = IN_KERAS[name]
    network = randomized(cr.Network(ours(), shape))
    model = keras.Sequential([keras.Input(shape), *theirs(keras.layers)])
    x = np.random.default_rng(0).standard_normal((4, *shape)).astype("float32")
    comparison = cr.explain.compare(network, model, x)
    assert comparison.first_output is None, str(comparison)
    model.set_weights(cr.to_keras(network))
    again = cr.Network(ours(), shape, seed=1)
    cr.from_keras(model, again)
    np.testing.assert_array_equal(again.parameters.flat, network.parameters.flat)


def test_layers_of_keras_that_are_not_the_same(keras: Any) -> None:
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(5)])
    with pytest.raises(cr.errors.ArgumentError, match="the two models differ"):
        cr.explain.compare(cr.Network([cr.Dense(3)], 4), model, np.zeros((2, 4)))
