"""What goes wrong in a layer of the user's own names the layer, its position and the shapes."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import LayerError, ParameterError, ShapeError, TargetError

X, Y = np.ones((2, 3)), np.zeros((2, 1))  # two examples: `y, cache = x` would not fail


class Own(cr.Layer):
    """y = s x, with any of its methods replaced."""

    def __init__(self, **replaced: Callable[..., Any]) -> None:
        self.replaced = replaced

    def setup(self, input_shape):
        self.declare("s", input_shape, "ones")
        return self.replaced.get("setup", lambda shape: shape)(input_shape)

    def forward(self, x, training=False):
        return self.replaced.get("forward", lambda x: (x * self.s, x))(x)

    def backward(self, dy, x):
        self.ds += (dy * x).sum(axis=0)
        return self.replaced.get("backward", lambda dy: dy * self.s)(dy)


def train(layer: cr.Layer) -> None:
    network = cr.Network([cr.Dense(4), cr.Residual([cr.Tanh(), layer]), cr.Dense(1)], 3)
    network.fit(X, Y, loss="mean_squared_error", epochs=1, quiet=True)


def fails(_: Any) -> None:
    raise KeyError("W")


@pytest.mark.parametrize(
    ("method", "code", "message"),
    [
        ("setup", fails, "failed in setup, given input_shape (4,): KeyError: 'W'"),
        ("setup", lambda shape: None, "returned None from setup: return the shape"),
        ("setup", lambda shape: 4, "returned 4 from setup: return the shape"),
        ("setup", lambda shape: (2.0,), "returned (2.0,) from setup: return the shape"),
        (
            "forward",
            lambda x: (x @ np.ones((5, 4)), x),
            "failed in forward, given x of shape (2, 4): ValueError: matmul",
        ),
        ("forward", fails, "failed in forward, given x of shape (2, 4): KeyError: 'W'"),
        ("forward", lambda x: None, "returned None from forward: return the pair (y, cache)"),
        ("forward", lambda x: x, "returned an array of shape (2, 4) from forward: return the pair"),
        ("forward", lambda x: (x, x, x), "returned a tuple of 3 from forward: return the pair"),
        (
            "forward",
            lambda x: (x[:, :1], x),
            "returned an array of shape (2, 1) as y from forward, for x of shape (2, 4): setup has "
            "promised an array of shape (2, 4)",
        ),
        ("forward", lambda x: (x[:1], x), "returned an array of shape (1, 4) as y from forward"),
        ("forward", lambda x: (None, x), "returned None as y from forward"),
        ("forward", lambda x: (x.tolist(), x), "returned a list as y from forward"),
        ("backward", fails, "failed in backward, given dy of shape (2, 4): KeyError: 'W'"),
        (
            "backward",
            lambda dy: None,
            "returned None from backward, for dy of shape (2, 4): return",
        ),
        (
            "backward",
            lambda dy: dy.sum(axis=0),
            "returned an array of shape (4,) from backward, for dy of shape (2, 4): return dx, the "
            "gradient with respect to x, in the shape of x, (2, 4)",
        ),
        ("backward", lambda dy: (dy, dy), "returned a tuple of 2 from backward"),
    ],
)
def test_errors_name_the_layer_its_position_and_the_shapes(
    method: str, code: Callable[..., Any], message: str
) -> None:
    with pytest.raises(LayerError) as raised:
        train(Own(**{method: code}))
    assert str(raised.value).startswith(f"layer 1.branch.1 (Own) {message}")


@pytest.mark.parametrize("method", ["setup", "forward", "backward"])
def test_the_first_error_stays_in_sight(method: str) -> None:
    with pytest.raises(LayerError) as raised:
        train(Own(**{method: fails}))
    cause = raised.value.__cause__
    assert isinstance(cause, KeyError)
    assert cause.__traceback__ is not None
    frames = [frame.name for frame in pytest.ExceptionInfo.from_exception(cause).traceback]
    assert frames[-2:] == [method, "fails"]


def test_right_layers_are_left_in_peace() -> None:
    train(Own())


def test_errors_of_chainrule_pass_through() -> None:
    def refuses(x: Any) -> None:
        raise TargetError("no such class")

    with pytest.raises(TargetError, match=r"^no such class$"):
        train(Own(forward=refuses))

    class Assigns(Own):
        def backward(self, dy, x):
            self.ds = dy.sum(axis=0)
            return dy

    with pytest.raises(ParameterError, match="cannot be replaced"):
        train(Assigns())


@pytest.mark.parametrize("method", ["setup", "forward"])
def test_an_error_of_shape_in_a_layer_gets_its_place(method: str) -> None:
    def refuses(_: Any) -> None:
        raise ShapeError("expects an even number of features")

    with pytest.raises(ShapeError, match=r"^layer 1.branch.1 \(Own\) expects an even number"):
        train(Own(**{method: refuses}))


def test_a_layer_inside_a_layer_of_ones_own_is_the_one_that_is_named() -> None:
    class Around(cr.Layer):
        def __init__(self, inner: cr.Layer) -> None:
            self.inner = inner

        def children(self):
            return {"inner": self.inner}

        def setup(self, input_shape):
            return self.inner.setup(input_shape)

        def forward(self, x, training=False):
            return self.inner.forward(x, training)

        def backward(self, dy, cache):
            return self.inner.backward(dy, cache)

    with pytest.raises(LayerError, match=r"^layer 1.branch.1.inner \(Own\) failed in forward"):
        train(Around(Own(forward=fails)))


@pytest.mark.parametrize("layer", [cr.Activation(fails, fails), cr.Activation(np.sin, fails)])
def test_functions_of_ones_own_are_watched_too(layer: cr.Layer) -> None:
    with pytest.raises(LayerError, match=r"layer 1.branch.1 \(Activation\) failed in .*KeyError"):
        train(layer)


def test_handwritten_code_is_watched_too() -> None:
    class Code:
        def forward(self, x):
            return x if len(x) == 2 else fails(x)  # as when it is tried out

        def backward(self, dy):
            return dy[:, :1]

    network = cr.Network([cr.HandWritten(Code()), cr.Dense(1)], 3)
    with pytest.raises(LayerError, match=r"layer 0 \(HandWritten\) returned an array of shape"):
        network.fit(X, Y, loss="mean_squared_error", epochs=1, quiet=True)
    with pytest.raises(LayerError, match=r"layer 0 \(HandWritten\) failed in forward, given x of"):
        network.predict(np.ones((3, 3)))


def test_a_layer_alone_names_itself() -> None:
    layer = Own(forward=fails)
    layer.build(3)
    with pytest.raises(LayerError, match=r"^Own failed in forward, given x of shape \(2, 3\)"):
        layer.forward(X)


def test_a_layer_without_parameters_may_stand_in_places_of_different_shapes() -> None:
    class Halves(cr.Layer):
        def forward(self, x, training=False):
            return (x[:1] if np.isnan(x).any() else x / 2), None

        def backward(self, dy, cache):
            return dy / 2

    shared = Halves()
    network = cr.Network([shared, cr.Dense(5), shared, cr.Dense(1)], 3)
    network.fit(X, Y, loss="mean_squared_error", epochs=1, quiet=True)
    for count in (3, 5):
        with pytest.raises(LayerError, match=rf"shape \(2, {count}\): setup has promised"):
            shared.forward(np.full((2, count), np.nan))


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_a_copy_has_checks_of_its_own(copied: Callable[[cr.Network], cr.Network]) -> None:
    network = cr.Network([Own(), cr.Dense(1)], 3)
    twin = copied(network)
    for net in (network, twin):
        assert net.layers[0].forward.layer is net.layers[0]
    twin.parameters["0.s"][...] = 0
    assert not np.array_equal(twin.predict(X), network.predict(X))


def test_a_method_that_was_replaced_stays_replaced() -> None:
    layer = Own()
    layer.forward = lambda x, training=False: (0 * x, x)
    assert not cr.Network([layer], 3).predict(X).any()


def test_layers_of_chainrule_are_not_checked() -> None:
    network = cr.Network([cr.Dense(4), cr.Residual([cr.BatchNorm(), cr.ReLU()])], 3)
    assert not any("forward" in vars(layer) for layer in network.layers)
