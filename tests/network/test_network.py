"""A network: keys, views, shapes that fit or do not, and the gradients of a whole loss."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, ParameterError, ShapeError, UnknownNameError

X = np.random.default_rng(0).standard_normal((6, 4))
LABELS = np.array([0, 1, 2, 0, 1, 2])


def small(**options) -> cr.Network:
    return cr.Network([cr.Dense(5), cr.Tanh(), cr.Dense(3)], 4, **options)


# --- parameters ---------------------------------------------------------------------------


def test_parameters_are_named_by_position() -> None:
    network = cr.Network(
        [
            cr.Conv2D(2, 3, bias=False),
            cr.BatchNorm(),
            cr.ReLU(),
            cr.Residual([cr.Conv2D(2, 1), cr.Residual(cr.Conv2D(2, 1))], shortcut=cr.Conv2D(2, 1)),
            cr.Concatenate([cr.Identity(), [cr.ReLU(), cr.Conv2D(1, 1)]]),
            cr.Flatten(),
            cr.Dense(3),
        ],
        (5, 5, 1),
    )
    assert list(network.parameters) == [
        "0.W",
        *["1.gamma", "1.beta"],
        *["3.branch.0.W", "3.branch.0.b", "3.branch.1.branch.0.W", "3.branch.1.branch.0.b"],
        *["3.shortcut.0.W", "3.shortcut.0.b"],
        *["4.1.1.W", "4.1.1.b"],
        *["6.W", "6.b"],
    ]
    assert list(network.gradients) == list(network.parameters)
    assert list(network.buffers) == ["1.running_mean", "1.running_variance"]


def test_parameters_gradients_and_layers_look_at_the_same_memory() -> None:
    network = small()
    dense = network.layers[0]
    for view, flat in [
        (dense.W, network.parameters.flat),
        (dense.b, network.parameters.flat),
        (dense.dW, network.gradients.flat),
        (dense.db, network.gradients.flat),
        (network.parameters["0.W"], network.parameters.flat),
        (network.gradients["0.b"], network.gradients.flat),
    ]:
        assert np.shares_memory(view, flat)
    network.parameters.flat[:] = 7
    assert (dense.W == 7).all()
    dense.b += 1
    np.testing.assert_array_equal(network.parameters["0.b"], np.full(5, 8))


def test_flat_vectors_hold_everything_once() -> None:
    network = small()
    assert network.parameters.flat.size == 4 * 5 + 5 + 5 * 3 + 3
    assert sum(view.size for view in network.parameters.values()) == network.parameters.flat.size


def test_assigning_to_a_name_copies_the_values_in() -> None:
    network = small()
    network.parameters["0.b"] = [1, 2, 3, 4, 5]
    np.testing.assert_array_equal(network.layers[0].b, [1, 2, 3, 4, 5])
    assert np.shares_memory(network.parameters["0.b"], network.parameters.flat)


def test_assigning_another_shape_is_refused() -> None:
    with pytest.raises(ShapeError, match=r"0\.b has shape \(5,\), received \(4,\)"):
        small().parameters["0.b"] = np.zeros(4)


@pytest.mark.parametrize("name", ["W", "b", "dW", "db"])
def test_replacing_an_array_of_a_layer_is_refused(name: str) -> None:
    layer = small().layers[0]
    with pytest.raises(ParameterError, match=rf"Dense\.{name} is a view .* write layer\.{name}\["):
        setattr(layer, name, np.zeros_like(getattr(layer, name)))


def test_replacing_a_running_mean_is_refused() -> None:
    layer = cr.Network([cr.BatchNorm()], 3).layers[0]
    with pytest.raises(ParameterError, match=r"BatchNorm\.running_mean is a view"):
        layer.running_mean = 0.9 * layer.running_mean


@pytest.mark.parametrize("name", ["parameters", "gradients", "buffers"])
def test_replacing_the_arrays_of_a_network_is_refused(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        setattr(small(), name, {})


def test_an_unknown_array_answers_with_those_there_are() -> None:
    with pytest.raises(
        UnknownNameError, match=r"no array '1\.W'; the names are: 0\.W, 0\.b, 2\.W, 2\.b"
    ):
        small().parameters["1.W"]


def test_a_layer_in_two_places_has_one_set_of_parameters_and_both_gradients() -> None:
    dense = cr.Dense(4, bias=False)
    network = cr.Network([dense, dense], 4, dtype="float64")
    assert list(network.parameters) == ["0.W"]
    dy = np.ones((6, 4))
    _, caches = network.forward(X)
    network.backward(dy, caches)
    W = network.parameters["0.W"]
    np.testing.assert_allclose(network.gradients["0.W"], X.T @ (dy @ W.T) + (X @ W).T @ dy)


# --- layers used again --------------------------------------------------------------------


def test_a_list_of_layers_can_serve_two_networks() -> None:
    layers = [cr.Dense(5), cr.Tanh(), cr.Dense(3)]
    first, second = cr.Network(layers, 4, seed=1), cr.Network(layers, 4, seed=1)
    np.testing.assert_array_equal(first.parameters.flat, second.parameters.flat)
    before = first.predict(X)
    second.parameters.flat[:] = 0
    np.testing.assert_array_equal(first.predict(X), before)
    assert not second.predict(X).any()


def test_a_list_of_layers_can_serve_networks_for_inputs_of_other_shapes() -> None:
    layers = [cr.Dense(5), cr.Dense(3)]
    for in_features in (4, 7, 2):
        assert cr.Network(layers, in_features).parameters["0.W"].shape == (in_features, 5)


def test_a_list_of_layers_can_be_used_after_it_did_not_fit() -> None:
    layers = [cr.Dense(5), cr.Dense(3), cr.MaxPool2D(2)]
    with pytest.raises(ShapeError):
        cr.Network(layers, 4)
    assert cr.Network(layers[:2], 6).output_shape == (3,)


@pytest.mark.parametrize("network", [small(), small(dtype="float64")])
def test_copies_share_no_memory(network: cr.Network) -> None:
    twin = copy.deepcopy(network)
    for ours, theirs in [
        (network.parameters.flat, twin.parameters.flat),
        (network.layers[0].W, twin.layers[0].W),
        (network.layers[0].dW, twin.layers[0].dW),
    ]:
        assert not np.shares_memory(ours, theirs)
    assert np.shares_memory(twin.layers[0].dW, twin.gradients.flat)


# --- shapes and arguments -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "input_shape", "message"),
    [
        (
            [cr.Conv2D(64, 3, padding="same"), cr.MaxPool2D(2), cr.MaxPool2D(2), cr.Dense(10)],
            (28, 28, 1),
            "layer 3 (Dense) expects a flat input, received (7, 7, 64): put Flatten() before it",
        ),
        (
            [cr.Flatten(), cr.Residual([cr.Conv2D(3, 3)])],
            (5, 5, 1),
            "layer 1.branch.0 (Conv2D) expects images of shape (height, width, channels), "
            "received (25,): put Reshape((height, width, channels)) before it, or give that "
            "input_shape",
        ),
        (
            [cr.Residual([cr.ReLU(), cr.Residual(cr.Dense(3))])],
            (2,),
            "layer 0.branch.1 (Residual) adds a branch of shape (3,) to a shortcut of shape "
            "(2,): make the branch end in the input's shape, or give a shortcut that changes it "
            "likewise",
        ),
        (
            [cr.Concatenate([cr.Conv2D(1, 1), cr.Conv2D(1, 3)])],
            (5, 5, 1),
            "layer 0 (Concatenate) joins outputs along their last axis, but their shapes are "
            "[(5, 5, 1), (3, 3, 1)]: all but the last size must be equal",
        ),
        (
            [cr.Concatenate([cr.Identity(), [cr.ReLU(), cr.MaxPool2D(9)]])],
            (5, 5, 1),
            "layer 0.1.1 (MaxPool2D) has a kernel reaching over 9 x 9 pixels, larger than the "
            "image of 5 x 5 (padding included): use a smaller kernel_size, padding='same', or "
            "fewer pooling layers before it",
        ),
        (
            [cr.Reshape((2, 3))],
            (5,),
            "layer 0 (Reshape) cannot give (5,) the shape (2, 3): 5 values against 6",
        ),
        (
            [dense := cr.Dense(3), cr.Dense(4), dense],
            (2,),
            "layer 2 (Dense) is used in two places, whose inputs differ in shape (here (4,)), "
            "and it cannot serve both: use two layers",
        ),
        (
            [convolution := cr.Conv2D(1, 3, padding="same"), cr.MaxPool2D(2), convolution],
            (8, 8, 1),
            "layer 2 (Conv2D) is used in two places, whose inputs differ in shape (here "
            "(4, 4, 1)), and it cannot serve both: use two layers",
        ),
    ],
    ids=lambda value: "",
)
def test_layers_that_do_not_fit(layers, input_shape, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        cr.Network(layers, input_shape)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((6, 3)), "expects x of shape (N, 4), received (6, 3)"),
        (np.zeros((6, 2, 2)), "expects x of shape (N, 4), received (6, 2, 2)"),
        (np.zeros(4), "received (4,): for a single example, write x[None]"),
        ([1, 2, 3], "expects x of shape (N, 4), received (3,)"),
        (1.0, "expects x of shape (N, 4), received ()"),
    ],
)
@pytest.mark.parametrize("use", ["forward", "predict"])
def test_inputs_that_do_not_fit(use: str, x, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        getattr(small(), use)(x)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: cr.Network([], 4), "at least one layer, received none"),
        (lambda: cr.Network([cr.Dense(2)], 0), "each size in input_shape is a whole number, 1"),
        (lambda: cr.Network([cr.Dense(2)], (-3,)), "each size in input_shape is a whole number"),
        (lambda: cr.Network([cr.Dense(2)], "4"), "input_shape is a tuple of whole numbers"),
        (lambda: cr.Network([cr.Dense(2)], 4, seed=-1), "seed is a whole number, 0 or more"),
        (lambda: cr.Network([cr.Dense(2)], 4, dtype="int8"), "dtype is 'float32' or 'float64'"),
        (lambda: cr.Network([cr.ReLU], 4), r"layer 0 is not a layer but .*: write ReLU\(\)"),
        (lambda: cr.Network([cr.Dense(2), "relu"], 4), "layer 1 is not a layer but 'relu'"),
        (lambda: cr.Concatenate([]), r"Concatenate needs a list of branches, received \[\]"),
        (lambda: cr.Activation(np.sin, 3), "Activation takes two functions"),
    ],
)
def test_arguments_that_cannot_be(make, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


# --- use ----------------------------------------------------------------------------------


def test_prediction_in_portions_is_prediction_at_once() -> None:
    network = small(dtype="float64")
    x = np.random.default_rng(0).standard_normal((600, 4))
    np.testing.assert_allclose(network.predict(x), network.forward(x)[0], rtol=1e-12)


def test_prediction_for_nothing_has_the_right_shape() -> None:
    assert small().predict(np.zeros((0, 4))).shape == (0, 3)


def test_prediction_leaves_the_network_as_it_was() -> None:
    network = cr.Network([cr.Dense(3), cr.BatchNorm(), cr.Dropout(0.5)], 4)
    network.loss_and_gradients(X, LABELS, "softmax_cross_entropy")
    states = (network.parameters.flat, network.gradients.flat, network.buffers.flat)
    before = [state.copy() for state in states]
    network.predict(X)
    for state, kept in zip(states, before, strict=True):
        np.testing.assert_array_equal(state, kept)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_inputs_of_any_number_type_are_taken(dtype: str) -> None:
    network = small(dtype=dtype)
    for x in (X, X.astype(np.float32), (10 * X).astype(int), X.tolist(), X > 0):
        assert network.predict(x).dtype == dtype


def test_gradients_of_a_call_replace_those_of_the_one_before() -> None:
    network = small(dtype="float64")
    _, gradients = network.loss_and_gradients(X, LABELS, "softmax_cross_entropy")
    once = gradients.flat.copy()
    network.loss_and_gradients(X, LABELS, "softmax_cross_entropy")
    np.testing.assert_array_equal(gradients.flat, once)
    assert gradients is network.gradients


def test_evaluation_reports_loss_and_metrics() -> None:
    network = small()
    network.parameters.flat[:] = 0
    network.parameters["2.b"] = [2, 1, 0]
    report = network.evaluate(X, LABELS, "softmax_cross_entropy", ["accuracy", "recall"])
    expected = np.log(np.exp([2, 1, 0]).sum()) - 1
    assert report == pytest.approx({"loss": expected, "accuracy": 1 / 3, "recall": 1 / 3})


def test_evaluation_without_a_loss_asks_for_one() -> None:
    with pytest.raises(ArgumentError, match="not been trained yet, so the loss must be given"):
        small().evaluate(X, LABELS)


def test_summary_lists_layers_shapes_and_parameters() -> None:
    shared = cr.Dense(4)
    network = cr.Network([shared, cr.Residual(cr.Dense(4)), shared, cr.Dense(1)], 4)
    summary = network.summary()
    assert [(row.position, row.output_shape, row.parameters) for row in summary.rows] == [
        ("0", (4,), 20),
        ("1", (4,), 20),
        ("2", (4,), 0),
        ("3", (1,), 5),
    ]
    assert summary.parameters == network.parameters.flat.size == 45
    assert "45 parameters, 0.2 KiB" in str(summary)


# --- regularizers -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("regularizer", "penalty", "slope"),
    [
        (cr.L1(0.1), lambda W: 0.1 * np.abs(W).sum(), lambda W: 0.1 * np.sign(W)),
        (cr.L2(0.1), lambda W: 0.05 * (W**2).sum(), lambda W: 0.1 * W),
        (cr.WeightDecay(0.1), lambda W: 0.0, lambda W: 0.0 * W),
        ("l2(0.1)", lambda W: 0.05 * (W**2).sum(), lambda W: 0.1 * W),
    ],
)
def test_a_regularizer_adds_its_penalty_and_its_slope(regularizer, penalty, slope) -> None:
    plain = small(dtype="float64")
    costly = cr.Network(
        [cr.Dense(5), cr.Tanh(), cr.Dense(3, regularizer=regularizer)], 4, dtype="float64"
    )
    value, gradients = plain.loss_and_gradients(X, LABELS, "softmax_cross_entropy")
    higher, steeper = costly.loss_and_gradients(X, LABELS, "softmax_cross_entropy")
    W = plain.parameters["2.W"]
    assert higher - value == pytest.approx(penalty(W), abs=1e-12)
    np.testing.assert_allclose(steeper["2.W"] - gradients["2.W"], slope(W), atol=1e-12)
    np.testing.assert_array_equal(steeper["2.b"], gradients["2.b"])
    np.testing.assert_array_equal(steeper["0.W"], gradients["0.W"])


def test_the_slope_of_a_regularized_loss_is_its_gradient() -> None:
    """The whole of `loss_and_gradients` against central differences, penalties included."""
    layers = [cr.Dense(4, regularizer=cr.L1(0.03)), cr.SiLU(), cr.Dense(3, regularizer=cr.L2(0.1))]
    network = cr.Network(layers, 4, dtype="float64")
    values = network.parameters.flat
    gradient = network.loss_and_gradients(X, LABELS, "softmax_cross_entropy")[1].flat.copy()
    for i in range(values.size):
        middle, losses = values[i], []
        for shifted in (middle + 1e-5, middle - 1e-5):
            values[i] = shifted
            losses.append(network.loss_and_gradients(X, LABELS, "softmax_cross_entropy")[0])
        values[i] = middle
        assert gradient[i] == pytest.approx((losses[0] - losses[1]) / 2e-5, abs=1e-9)


def test_weight_decay_shrinks_the_weights_apart_from_the_gradient() -> None:
    """Without a gradient (x = 0, b = 0), one step leaves (1 - rate · decay) W."""
    network = cr.Network([cr.Dense(2, regularizer=cr.WeightDecay(0.5))], 2, dtype="float64")
    before = network.parameters["0.W"].copy()
    settings = {"loss": "mean_squared_error", "epochs": 1, "quiet": True}
    network.fit(np.zeros((4, 2)), np.zeros((4, 2)), optimizer=cr.Adam(0.1), **settings)
    np.testing.assert_allclose(network.parameters["0.W"], 0.95 * before)


def test_weight_decay_of_every_weight_is_adamw() -> None:
    def trained(optimizer: cr.Optimizer, regularizer: cr.Regularizer | None) -> np.ndarray:
        layer = cr.Dense(3, bias=False, regularizer=regularizer)
        network = cr.Network([layer], 4, dtype="float64")
        network.fit(X, LABELS, optimizer=optimizer, epochs=10, quiet=True)
        return network.parameters.flat

    np.testing.assert_allclose(
        trained(cr.AdamW(0.01, weight_decay=0.2), None),
        trained(cr.Adam(0.01), cr.WeightDecay(0.2)),
        rtol=1e-12,
    )


def test_the_flat_vector_is_filled_and_not_replaced() -> None:
    network = cr.Network([cr.Dense(2)], 3)
    with pytest.raises(AttributeError):
        network.parameters.flat = network.parameters.flat.copy()
    network.parameters.flat[:] = 1
    assert (network.layers[0].W == 1).all()
