"""HandWritten trains code in each style as if it were a layer, and says what it cannot read."""

from __future__ import annotations

import numpy as np
import pytest
from handwritten_code import (
    AccumulatesGradients,
    InPieces,
    IsGivenTheInput,
    KeepsGradients,
    ListOfLayers,
    LossInside,
    PredictsAndFits,
    TakesOneExample,
    UpdatesItself,
    backward_over_dictionary,
    forward_over_dictionary,
    shared_dictionary,
)

import chainrule as cr
from chainrule.errors import ArgumentError
from chainrule.foreign.objects.state import arrays
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
        (HandWritten(code := TakesOneExample(4, 3)), twin_of(code.weights, code.bias)),
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
    ids=["keeps", "accumulates", "updates", "one example", "is given the input", "two functions"],
)
def test_trains_as_chainrules_own_layers_do(layer: HandWritten, twin: cr.Network) -> None:
    network = cr.Network([layer], 4, dtype="float64")
    losses = [
        each.fit(X, Y, loss="mean_squared_error", epochs=5, batch_size=6, quiet=True)["loss"]
        for each in (network, twin)
    ]
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-10)
    assert losses[0][-1] < losses[0][0]


OWN_LOSS = cr.losses.TargetsAsGradient(loss="mean_squared_error")


@pytest.mark.parametrize(
    ("make", "loss"),
    [
        (ListOfLayers, "mean_squared_error"),
        (PredictsAndFits, OWN_LOSS),
        (InPieces, OWN_LOSS),
        (LossInside, OWN_LOSS),
    ],
)
def test_whole_networks_train_as_chainrules_own_do(make, loss) -> None:
    code = make()
    twin = cr.Network([Dense(5), Tanh(), Dense(3)], 4, dtype="float64")
    for name, array in zip(twin.parameters, code.weights(), strict=True):
        twin.parameters[name] = array.reshape(twin.parameters[name].shape)
    network = cr.Network([HandWritten(code)], 4, dtype="float64")
    assert len(network.parameters) == 4
    settings = {"optimizer": "sgd(0.3)", "epochs": 5, "batch_size": 6, "quiet": True}
    theirs = network.fit(X, Y, loss=loss, **settings)["loss"]
    ours = twin.fit(X, Y, loss="mean_squared_error", **settings)["loss"]
    np.testing.assert_allclose(theirs, ours, rtol=1e-4)  # a fit in steps of 1e-5 is near enough
    assert theirs[-1] < theirs[0]


def test_a_whole_network_without_its_gradients_is_refused() -> None:
    class Forgets(LossInside):
        def backward(self):
            self.loss.backward()

    with pytest.raises(ArgumentError, match=r"backward leaves no gradient for 'first.weight'"):
        HandWritten(Forgets()).build(4)


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
        (lambda: HandWritten(TwoGradients()), "cannot tell what 'second' stands for"),
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


class OwnNames:
    """A layer whose gradient has a name that no convention knows, and is perhaps transposed."""

    def __init__(self, transposed: bool = False) -> None:
        self.weight = np.ones((3, 2))
        self.transposed = transposed

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return x @ self.weight

    def backward(self, dy: np.ndarray) -> np.ndarray:
        self.gw = dy.T @ self.x if self.transposed else self.x.T @ dy
        return dy @ self.weight.T


def test_a_gradient_that_is_not_found_is_asked_for() -> None:
    with pytest.raises(cr.errors.ArgumentError, match=r"leaves no gradient for 'weight' \(looked"):
        cr.HandWritten(OwnNames()).build(3)
    layer = cr.HandWritten(OwnNames(), gradients={"weight": "gw"})
    assert layer.build(3) == (2,)


def test_a_transposed_gradient_is_refused() -> None:
    with pytest.raises(cr.errors.ArgumentError, match=r"shape \(2, 3\).* is it transposed"):
        cr.HandWritten(OwnNames(transposed=True), gradients={"weight": "gw"}).build(3)


class UpdatesFirst:
    """Moves its weights before it hands back dx, as many first attempts do."""

    def __init__(self) -> None:
        self.weights = np.full((3, 2), 0.5)

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return x @ self.weights

    def backward(self, dy: np.ndarray, learning_rate: float) -> np.ndarray:
        self.weights -= learning_rate * self.x.T @ dy
        return dy @ self.weights.T


def test_an_update_made_too_early_hardly_shows() -> None:
    layer = cr.HandWritten(UpdatesFirst())
    layer.build(3, dtype="float64")
    x, dy = np.full((4, 3), 10.0), np.full((4, 2), 10.0)
    dx = layer.backward(dy, layer.forward(x)[1])
    np.testing.assert_allclose(dx, dy @ np.full((2, 3), 0.5), rtol=0.02)
    np.testing.assert_allclose(layer.dweights, x.T @ dy, rtol=1e-9)


class TakesMeans:
    """A layer whose gradients are means over the batch, of which it updates its own weights."""

    def __init__(self, dx_too: bool = False) -> None:
        self.w = np.random.default_rng(2).normal(size=(4, 3))
        self.b = np.zeros(3)
        self.dx_too = dx_too

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return x @ self.w + self.b

    def backward(self, dy: np.ndarray, learning_rate: float) -> np.ndarray:
        dx = dy @ self.w.T / (len(dy) if self.dx_too else 1)
        self.w -= learning_rate * self.x.T @ dy / len(dy)
        self.b -= learning_rate * dy.mean(axis=0)
        return dx


@pytest.mark.parametrize("dx_too", [False, True])
def test_means_over_the_batch_are_found_and_said(dx_too: bool, capsys) -> None:
    layer = HandWritten(TakesMeans(dx_too))
    layer.build(4, dtype="float64")
    twin = Dense(3)
    twin.build(4, dtype="float64")
    twin.W[:], dy = layer.w, Y / len(Y)
    dx = layer.backward(dy, layer.forward(X)[1])
    np.testing.assert_allclose(dx, twin.backward(dy, X), rtol=1e-7)
    np.testing.assert_allclose(layer.dw, twin.dW, rtol=1e-7)
    np.testing.assert_allclose(layer.db, twin.db, rtol=1e-7)
    said = capsys.readouterr().err
    assert not said or "are means over the batch" in said  # once in a process
    assert layer.averages.means == {"w", "b"} | ({"x"} if dx_too else set())


def test_the_mean_of_code_with_its_own_loss_is_left_to_it() -> None:
    def backward(y_true, params):
        return {"dW": params["x"].T @ (params["p"] - y_true) / len(y_true)}

    def forward(x, params):
        params["x"], params["p"] = x, x @ params["W"]
        return params["p"]

    layer = HandWritten((forward, backward), parameters={"W": np.ones((4, 3))})
    layer.build(4)
    assert not layer.averages.means
    assert not layer.averages.unclear


def test_what_does_not_show_is_said(capsys) -> None:
    class RootOfTheBatch(KeepsGradients):
        def backward(self, dy):
            dx = super().backward(dy)
            self.weight_grad = self.weight_grad / np.sqrt(len(dy))
            return dx

    HandWritten(RootOfTheBatch(4, 3)).build(4)
    assert "it does not show if gradients of weight are sums or means" in capsys.readouterr().err


@pytest.mark.parametrize("make", [lambda: UpdatesItself(4, 3), ListOfLayers, TakesMeans])
def test_the_object_itself_is_left_as_it_is(make) -> None:
    code = make()
    before = {path: array.copy() for path, array in arrays(code).items()}
    network = cr.Network([HandWritten(code)], 4, dtype="float64")
    network.fit(X, Y, loss="mean_squared_error", epochs=2, batch_size=5, quiet=True)
    assert list(arrays(code)) == list(before)
    for path, array in arrays(code).items():
        np.testing.assert_array_equal(array, before[path])


@pytest.mark.parametrize("make", [lambda: UpdatesItself(4, 3), ListOfLayers, TakesMeans])
def test_a_gradient_of_exactly_zero_is_one(make) -> None:
    layer = HandWritten(make())
    layer.build(4, dtype="float64")
    layer.backward(np.zeros((5, 3)), layer.forward(X[:5])[1])
    for name in layer.adopted.values:
        np.testing.assert_array_equal(getattr(layer, f"d{name}"), 0)


@pytest.mark.parametrize("make", [lambda: KeepsGradients(4, 3), TakesMeans])
def test_what_an_object_remembers_of_earlier_passes_is_no_parameter(make) -> None:
    fresh, used = make(), make()
    y = used.forward(X)
    given = {"learning_rate": 0.0} if not isinstance(used, KeepsGradients) else {}
    used.backward(np.ones_like(y), **given)
    layers = [HandWritten(code) for code in (fresh, used)]
    for layer in layers:
        layer.build(4)
    assert list(layers[0].adopted.values) == list(layers[1].adopted.values)


def test_what_a_dictionary_remembers_of_earlier_passes_is_no_parameter() -> None:
    shared = shared_dictionary(4, 3)
    names = list(shared)
    forward_over_dictionary(X, shared)
    assert list(shared) != names
    layer = HandWritten((forward_over_dictionary, backward_over_dictionary), parameters=shared)
    layer.build(4)
    assert list(layer.adopted.values) == names


def test_weights_that_start_from_zero_have_gradients() -> None:
    code = ListOfLayers()
    for array in code.weights():
        array[:] = 0
    layer = HandWritten(code)
    layer.build(4)
    assert len(layer.adopted.values) == 4
