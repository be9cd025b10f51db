"""HandWritten trains code in each style as if it were a layer, and says what it cannot read."""

from __future__ import annotations

import numpy as np
import pytest
from handwritten_code import (
    AccumulatesGradients,
    IsGivenTheInput,
    KeepsGradients,
    UpdatesItself,
    backward_over_dictionary,
    forward_over_dictionary,
    shared_dictionary,
)

import chainrule as cr
from chainrule.errors import ArgumentError
from chainrule.layers import Dense, HandWritten, Tanh

X = np.random.default_rng(0).standard_normal((20, 4))
Y = np.random.default_rng(1).standard_normal((20, 3))


def twin_of(W: np.ndarray, b: np.ndarray, *after: cr.Layer) -> cr.Network:
    """A network of chainrule's own layers with the same weights."""
    network = cr.Network([Dense(3), *after], 4, dtype="float64")
    network.parameters["0.W"], network.parameters["0.b"] = W, b.ravel()
    return network


@pytest.mark.parametrize(
    ("layer", "twin"),
    [
        (HandWritten(code := KeepsGradients(4, 3)), twin_of(code.weight, code.bias)),
        (HandWritten(code := AccumulatesGradients(4, 3)), twin_of(code.weight, code.bias)),
        (HandWritten(code := UpdatesItself(4, 3)), twin_of(code.weights, code.bias)),
        (
            HandWritten(code := IsGivenTheInput(4, 3), batch_axis=1),
            twin_of(code.W.T, code.b, Tanh()),
        ),
        (
            HandWritten(
                (forward_over_dictionary, backward_over_dictionary),
                parameters=(shared := shared_dictionary(4, 3)),
            ),
            twin_of(shared["W1"], shared["b1"], Tanh()),
        ),
    ],
    ids=["keeps", "accumulates", "updates", "is given the input", "two functions"],
)
def test_trains_as_chainrules_own_layers_do(layer: HandWritten, twin: cr.Network) -> None:
    network = cr.Network([layer], 4, dtype="float64")
    losses = [
        each.fit(X, Y, loss="mean_squared_error", epochs=5, batch_size=6, quiet=True)["loss"]
        for each in (network, twin)
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-10)
    assert losses[0][-1] < losses[0][0]


def test_parameters_keep_their_own_names_and_first_values() -> None:
    code = KeepsGradients(4, 3)
    first = code.weight.copy()
    network = cr.Network([HandWritten(code)], 4, dtype="float64")
    assert list(network.parameters) == ["0.weight", "0.bias"]
    np.testing.assert_array_equal(network.parameters["0.weight"], first)


def test_code_that_starts_from_the_targets_is_trained_with_targets_as_gradient() -> None:
    def forward(x, params):
        params["x"] = x
        z = np.exp(x @ params["W"])
        params["p"] = z / z.sum(axis=1, keepdims=True)
        return params["p"]

    def backward(y_true, params):
        return {"dW": params["x"].T @ (params["p"] - y_true) / len(y_true)}

    labels = (X[:, 0] > 0).astype(int)
    layer = HandWritten((forward, backward), parameters={"W": np.zeros((4, 2))})
    own = cr.Network([layer], 4, dtype="float64")
    usual = cr.Network([Dense(2, bias=False, initializer="zeros")], 4, dtype="float64")
    settings = {"optimizer": "sgd(0.5)", "epochs": 10, "batch_size": "full", "quiet": True}
    theirs = own.fit(X, labels, loss="targets_as_gradient", **settings)["loss"]
    ours = usual.fit(X, labels, loss="softmax_cross_entropy", **settings)["loss"]
    np.testing.assert_allclose(theirs, ours, rtol=1e-10)


class NoBackward:
    def forward(self, x):
        return x


class TwoGradients:
    def forward(self, x):
        return x

    def backward(self, first, second):
        return first


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HandWritten(object()), "object has none of the methods forward"),
        (lambda: HandWritten(NoBackward()), "NoBackward has none of the methods backward"),
        (lambda: HandWritten(TwoGradients()), "cannot tell which argument of backward"),
        (
            lambda: HandWritten((forward_over_dictionary, backward_over_dictionary)),
            "needs the dictionary they share",
        ),
        (
            lambda: HandWritten(KeepsGradients(2, 2), parameters=["wieght"]),
            "has no float array 'wieght'; it has: weight, bias",
        ),
        (
            lambda: HandWritten(
                (forward_over_dictionary, lambda dy, params: {"dW1": dy}),
                parameters=shared_dictionary(4, 3),
            ).build(4),
            "returned no gradient for 'b1'",
        ),
    ],
)
def test_code_that_cannot_be_read(make, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()
