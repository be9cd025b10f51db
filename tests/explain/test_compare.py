"""Side by side with another model, as far as it goes without another framework: a stand-in
that has what every Keras model has, and the orders of axes. Real ones: test_torch.py."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.explain.comparing.steps import difference
from chainrule.layouts import Layout, layouts


class Dense:
    """A dense layer as Keras has it, in NumPy."""

    def __init__(self, inputs: int, units: int, activation=None, offset: float = 0) -> None:
        self.offset = offset  # what it does wrong
        rng = np.random.default_rng(inputs)
        self.name = f"dense_{units}"
        self.weights = [rng.normal(size=(inputs, units)), rng.normal(size=units)]
        self.activation = activation or linear

    def get_weights(self):
        return [weights.copy() for weights in self.weights]

    def set_weights(self, weights):
        self.weights = [array.copy() for array in weights]

    def __call__(self, x):
        kernel, bias = (weights.astype(np.float32) for weights in self.weights)
        return self.activation(x @ kernel + bias + self.offset)


def linear(x):
    return x


def tanh(x):
    return np.tanh(x)


class InputLayer:
    """What Keras puts before the first layer."""


class Model:
    """Layers in a row."""

    def __init__(self, *layers) -> None:
        self.layers = [InputLayer(), *layers]

    def get_weights(self):
        return [weights for layer in self.layers[1:] for weights in layer.get_weights()]


X = np.random.default_rng(0).standard_normal((5, 4))


def network() -> cr.Network:
    return cr.Network([cr.Dense(3), cr.Tanh(), cr.Dense(2)], 4, seed=7)


def test_the_weights_are_carried_over_and_given_back() -> None:
    model = Model(Dense(4, 3, tanh), Dense(3, 2))
    before = model.get_weights()
    comparison = cr.explain.compare(network(), model, X)
    assert comparison.first_output is None
    assert [row.layer for row in comparison.rows] == ["0 Dense(3)", "1 Tanh()", "2 Dense(2)"]
    assert "Outputs are equal" in str(comparison)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_the_first_layer_that_differs() -> None:
    model = Model(Dense(4, 3, tanh), Dense(3, 2, offset=0.1))
    first = cr.explain.compare(network(), model, X).first_output
    assert first is not None
    assert (first.layer, first.other) == ("2 Dense(2)", "dense_2")


def test_another_activation() -> None:
    with pytest.raises(cr.errors.ArgumentError, match=r"layer 1 Tanh\(\) here, Dense there"):
        cr.explain.compare(network(), Model(Dense(4, 3), Dense(3, 2)), X)


def test_more_layers_there() -> None:
    model = Model(Dense(4, 3, tanh), Dense(3, 2), Dense(2, 2))
    with pytest.raises(cr.errors.ArgumentError, match="nothing more here, Dense there"):
        cr.explain.compare(network(), model, X)


def test_other_shapes() -> None:
    with pytest.raises(cr.errors.ArgumentError, match=r"\(4, 3\), \(3,\).*: the two models differ"):
        cr.explain.compare(network(), Model(Dense(4, 5, tanh), Dense(5, 2)), X)


def test_what_is_no_model() -> None:
    with pytest.raises(cr.errors.ArgumentError, match="a Keras model; received int"):
        cr.explain.compare(network(), 3, X)


def test_an_input_that_does_not_fit() -> None:
    with pytest.raises(cr.errors.ShapeError, match="expects x of shape"):
        cr.explain.compare(network(), Model(Dense(4, 3, tanh), Dense(3, 2)), X[:, :2])


# --- orders of axes -----------------------------------------------------------------------------


def test_the_rows_of_a_dense_layer_after_flattened_images() -> None:
    """Images flattened channels first, times the rows in that order, give the same products."""
    x = np.random.default_rng(0).standard_normal((2, 3, 4, 5))
    W = np.random.default_rng(1).standard_normal((60, 7))
    layers = [(cr.Flatten(), (3, 4, 5)), (cr.ReLU(), (60,)), (cr.Dense(7), (60,))]
    flatten, relu, dense = layouts("channels first", layers)
    theirs = x.transpose(0, 3, 1, 2).reshape(2, -1)
    np.testing.assert_array_equal(flatten.activations(x.reshape(2, -1)), theirs)
    np.testing.assert_array_equal(relu.activations(x.reshape(2, -1)), theirs)
    weight = dense.parameter(cr.Dense(7), W)
    np.testing.assert_allclose(theirs @ weight.T, x.reshape(2, -1) @ W)
    y = x.reshape(2, -1) @ W
    assert dense.activations(y) is y


def test_kernels() -> None:
    kernel = np.zeros((2, 3, 4, 5))  # height, width, in, out
    assert Layout("channels first").parameter(cr.Conv2D(5, (2, 3)), kernel).shape == (5, 4, 2, 3)
    transposed = cr.ConvTranspose2D(5, (2, 3))
    assert Layout("channels first").parameter(transposed, kernel).shape == (4, 5, 2, 3)
    assert Layout("channels last").parameter(transposed, kernel).shape == (2, 3, 5, 4)
    assert Layout("channels last").parameter(cr.Conv2D(5, (2, 3)), kernel) is kernel


def test_differences() -> None:
    assert difference(np.array([1.0, 2.0]), np.array([1.0, 1.0])) == 0.5
    assert difference(np.zeros(2), np.zeros(2)) == 0
    assert difference(np.zeros(2), np.zeros(3)) == float("inf")
    assert difference(np.zeros(2), None) is None
    assert np.isnan(difference(np.zeros(1), np.array([np.nan])))
