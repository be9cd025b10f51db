"""A loss that is no longer a number: the error says where it began, why, and what helps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.dataset import Batch
from chainrule.errors import ChainruleError, DataError, TrainingError
from chainrule.training.trouble.divergence import Divergence

rng = np.random.default_rng(0)
X = rng.standard_normal((100, 8)).astype(np.float32)
LABELS = (X[:, 0] > 0).astype(int)
NUMBERS = X @ np.arange(8.0)

each_engine = pytest.mark.parametrize("engine", ["auto", "numpy"])


def error_of(
    layers: list[cr.Layer], x: Any = X, y: Any = LABELS, engine: str = "auto", **options: Any
) -> ChainruleError:
    """What ends the training of these layers."""
    network = cr.Network(layers, 8, engine=engine)
    if y is not LABELS:
        options = {"loss": "mean_squared_error", **options}
    with pytest.raises(ChainruleError) as raised:
        network.fit(x, y, **{"epochs": 50, "batch_size": 16, "quiet": True, **options})
    return raised.value


def mlp(outputs: int = 2) -> list[cr.Layer]:
    return [cr.Dense(4), cr.ReLU(), cr.Dense(outputs)]


def with_value(array: np.ndarray, value: float, index: Any = 70) -> np.ndarray:
    array = array.astype(float)
    array[index] = value
    return array


# --- the data -------------------------------------------------------------------------------------


@each_engine
@pytest.mark.parametrize("batch_size", [16, "full"])
@pytest.mark.parametrize(("value", "named"), [(np.nan, "NaN"), (np.inf, "inf"), (-np.inf, "inf")])
def test_in_x(engine: str, batch_size: Any, value: float, named: str) -> None:
    error = error_of(mlp(), with_value(X, value, (70, 3)), engine=engine, batch_size=batch_size)
    assert isinstance(error, DataError)
    assert f"since example 70 of the training data has {named}" in str(error)
    assert " in x: fill in numbers" in str(error)


@each_engine
@pytest.mark.parametrize("batch_size", [16, "full"])
def test_in_y(engine: str, batch_size: Any) -> None:
    options = {"engine": engine, "batch_size": batch_size}
    error = error_of(mlp(1), y=with_value(NUMBERS, np.nan), **options)
    assert isinstance(error, DataError)
    assert "(epoch 1), since example 70 of the training data has NaN in y: " in str(error)


@each_engine
def test_in_the_probabilities_of_y(engine: str) -> None:
    y = with_value(np.eye(2)[LABELS], np.nan, (70, 1))
    error = error_of(mlp(), y=y, loss="softmax_cross_entropy", engine=engine)
    assert isinstance(error, DataError)
    assert "example 70 of the training data has NaN in y" in str(error)


@each_engine
def test_in_a_weight(engine: str) -> None:
    error = error_of(mlp(), weights=with_value(np.ones(100), np.inf), engine=engine)
    assert isinstance(error, DataError)
    assert "example 70 of the training data has infinity in its weight" in str(error)


@each_engine
@pytest.mark.parametrize("name", ["x", "y"])
def test_in_the_validation_data(engine: str, name: str) -> None:
    pair = {"x": X, "y": NUMBERS}
    pair[name] = with_value(pair[name], np.nan)
    options = {"validation": (pair["x"], pair["y"]), "optimizer": "sgd(1e-3)"}
    error = error_of(mlp(1), y=NUMBERS, engine=engine, **options)
    assert isinstance(error, DataError)
    assert str(error) == (
        "the validation loss became nan after epoch 1, since example 70 of the validation data has "
        f"NaN in {name}: fill in numbers, or leave such examples out"
    )


def test_far_down_in_data_on_disk(tmp_path: Any) -> None:
    np.save(tmp_path / "x.npy", with_value(np.zeros((3000, 8)), np.nan, 2999))
    x = np.load(tmp_path / "x.npy", mmap_mode="r")
    error = error_of(mlp(), x, np.zeros(3000, int), loss="softmax_cross_entropy", batch_size="full")
    assert "since example 2999 of the training data has NaN in x" in str(error)


# --- the layers of chainrule ----------------------------------------------------------------------


@each_engine
def test_a_learning_rate_that_is_too_high(engine: str) -> None:
    error = error_of(mlp(1), y=NUMBERS, optimizer="sgd(1000)", engine=engine, batch_size="full")
    assert isinstance(error, TrainingError)
    text = str(error)
    assert text.startswith("the loss became inf in step ")
    assert "MeanSquaredError gives infinity, given numbers up to " in text
    assert text.endswith("lower the learning rate, now 1000, or clip the gradients (clip_norm=1)")


@each_engine
def test_the_first_layer_that_overflows(engine: str) -> None:
    layers = [cr.Dense(4), cr.Dense(4), cr.Dense(1)]
    network = cr.Network(layers, 8, engine=engine)
    network.parameters["0.W"][...] *= 1e25
    network.parameters["1.W"][...] *= 1e25
    with pytest.raises(
        TrainingError, match=r"layer 1 \(Dense\) puts out (inf|NaN).* overflows: lo"
    ):
        network.fit(X, NUMBERS, loss="mean_squared_error", quiet=True)


def test_an_input_that_is_not_scaled() -> None:
    options = {"optimizer": "sgd(0.01)", "batch_size": "full"}
    error = error_of([cr.Dense(4), cr.Dense(1)], 255 * X, NUMBERS, **options)
    assert "scale the input, now numbers up to 99" in str(error)


def test_with_dropout_and_batch_norm() -> None:
    layers = [cr.Dense(4), cr.Dropout(0.5), cr.BatchNorm(), cr.Dense(1)]
    error = error_of(layers, y=NUMBERS, optimizer="sgd(1e20)")
    assert "lower the learning rate, now 1e+20" in str(error)


@each_engine
def test_validation_alone_overflows(engine: str) -> None:
    options = {"validation": (1e30 * X, NUMBERS), "epochs": 1}
    error = error_of(mlp(1), y=NUMBERS, engine=engine, **options)
    assert isinstance(error, TrainingError)
    assert "the validation loss became inf after epoch 1: MeanSquaredError gives inf" in str(error)


# --- code of one's own ----------------------------------------------------------------------------


class Own(cr.Layer):
    """Code that is not always a number."""


class Log(Own):
    def forward(self, x, training=False):
        return np.log(np.maximum(x, 0)), x

    def backward(self, dy, x):
        return dy / np.maximum(x, 1e-3)


class Exp(Own):
    def forward(self, x, training=False):
        y = np.exp(100 * x)
        return y, y

    def backward(self, dy, y):
        return dy * y


class Root(Own):
    """y = sqrt(|x|), whose slope at 0 is infinite."""

    def forward(self, x, training=False):
        y = np.sqrt(np.abs(x))
        return y, y

    def backward(self, dy, y):
        return dy / (2 * y)


class Infinite(Own):
    def forward(self, x, training=False):
        return x, None

    def backward(self, dy, cache):
        return np.full_like(dy, np.inf)


@pytest.mark.parametrize(
    ("layer", "parts"),
    [
        (
            Log(),
            ["layer 1 (Log) puts out infinity, given numbers up to", "'divide by zero encountered"],
        ),
        (Log(), ["hold the argument of the logarithm above 0, as with np.maximum(x, 1e-7)"]),
        (Exp(), ["layer 1 (Exp) puts out infinity", "'overflow encountered in exp': hold the arg"]),
        (
            cr.Activation(np.sqrt, lambda x: 1 / x),
            ["layer 1 (Activation) puts out NaN", "'invalid value encountered in sqrt': hold the"],
        ),
    ],
)
def test_on_the_way_forward(layer: cr.Layer, parts: list[str]) -> None:
    error = error_of([cr.Dense(4), layer, cr.Dense(2)])
    assert isinstance(error, TrainingError)
    assert str(error).startswith("the loss became nan in step 1 (epoch 1): layer 1 (")
    assert all(part in str(error) for part in parts)


@pytest.mark.parametrize(
    ("layers", "place"),
    [
        ([cr.Dense(4, initializer="zeros"), Root()], "layer 1 (Root) hands back infinity"),
        ([cr.Dense(4), Infinite()], "layer 1 (Infinite) hands back infinity"),
        ([cr.Dense(4), cr.Residual([cr.Dense(4), Infinite()])], "layer 1.branch.1 (Infinite) hand"),
    ],
)
def test_on_the_way_back(layers: list[cr.Layer], place: str) -> None:
    """The weights are spoilt by a step whose loss is a number still."""
    text = str(error_of([*layers, cr.Dense(2)]))
    assert text.startswith("the loss became nan in step 2 (epoch 1), since W of layer 0 (Dense) ho")
    assert f"with the first weights already, {place}" in text


def test_a_loss_of_ones_own() -> None:
    class Logarithm(cr.Loss):
        def formulas(self, predictions, targets):
            return -np.log(0 * predictions), predictions

    error = error_of(mlp(1), y=NUMBERS, loss=Logarithm())
    assert "Logarithm gives infinity" in str(error)
    assert "hold the argument of the logarithm above 0" in str(error)


def test_a_derivative_of_ones_own() -> None:
    class Steep(cr.Loss):
        def formulas(self, predictions, targets):
            return abs(predictions), predictions / 0.0

    assert "with the first weights already, Steep hands back " in str(
        error_of(mlp(1), y=NUMBERS, loss=Steep())
    )


def test_code_that_cannot_be_run_again() -> None:
    class Once(Own):
        def forward(self, x, training=False):
            return x * np.inf, None

        def backward(self, dy, cache):
            return dy

        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("there is only one")

    error = error_of([cr.Dense(4), Once(), cr.Dense(2)])
    assert isinstance(error, TrainingError)
    assert "in step 1 (epoch 1): lower the learning rate" in str(error)


def test_a_first_layer_that_hands_back_nothing_is_not_to_blame() -> None:
    class First:
        def __init__(self) -> None:
            self.weight = np.ones((8, 4))

        def forward(self, x):
            self.x = x
            return x @ self.weight

        def backward(self, dy):
            self.weight_grad = self.x.T @ dy

    layers = [cr.HandWritten(First()), cr.Dense(1)]
    text = str(error_of(layers, y=NUMBERS, optimizer="sgd(1e30)"))
    assert "HandWritten" not in text
    assert "lower the learning rate, now 1e+30" in text


# --- weights, after an epoch ----------------------------------------------------------------------


def test_weights_that_are_not_finite() -> None:
    network = cr.Network(mlp(), 8)
    network.parameters["2.W"][1, 1] = np.nan
    error = Divergence(network, cr.SoftmaxCrossEntropy(), 7, 0.3).in_weights()
    assert isinstance(error, TrainingError)
    assert str(error) == (
        "W of layer 2 (Dense) holds NaN after epoch 7: the step before was too large: lower the "
        "learning rate, now 0.3, or clip the gradients (clip_norm=1)"
    )


def test_explaining_changes_nothing() -> None:
    network = cr.Network([cr.Dense(4), cr.BatchNorm(), cr.Dense(1)], 8)
    network.parameters["0.W"][...] = np.nan
    before = [network.parameters.flat.copy(), network.buffers.flat.copy()]
    batch = Batch(X, NUMBERS)
    Divergence(network, cr.MeanSquaredError(), 1, 0.1).in_weights(batch)
    np.testing.assert_array_equal(network.parameters.flat, before[0])
    np.testing.assert_array_equal(network.buffers.flat, before[1])
