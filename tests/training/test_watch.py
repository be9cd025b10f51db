"""Warnings: each rule on a training made to have its trouble, and none on healthy ones."""

from __future__ import annotations

import copy
import logging
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import TargetError
from chainrule.passages import Recorder
from chainrule.training.progress import ProgressBar
from chainrule.training.trouble.inputs import range_of, unlike
from chainrule.training.trouble.watch import LookPlan, Watch

rng = np.random.default_rng(0)
X = rng.standard_normal((300, 6)).astype(np.float32)
LABELS = (X[:, 0] + X[:, 1] * X[:, 2] > 0).astype(int) + (X[:, 3] > 1)  # of three classes
NUMBERS = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
REGRESSION = {"loss": "mean_squared_error", "y": NUMBERS}


def warnings_of(layers: list[cr.Layer], x: Any = X, y: Any = LABELS, **options: Any) -> list[str]:
    """What a short training of these layers is warned of."""
    network = cr.Network(layers, x.shape[1:])
    options = {"epochs": 20, "batch_size": 32, "quiet": True, **options}
    return network.fit(x, y, **options).warnings


def only(warnings: list[str]) -> str:
    """The one warning that there is."""
    assert len(warnings) == 1, warnings
    return warnings[0]


def mlp(activation: type[cr.Layer] = cr.ReLU, outputs: int = 3) -> list[cr.Layer]:
    return [cr.Dense(16), activation(), cr.Dense(16), activation(), cr.Dense(outputs)]


# --- healthy trainings ----------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adam(0.01)", "sgd(0.1)", "sgd(0.05, momentum=0.9)"])
@pytest.mark.parametrize("activation", [cr.ReLU, cr.Tanh, cr.Sigmoid, cr.GELU, cr.LeakyReLU])
def test_healthy_classifiers(activation: type[cr.Layer], optimizer: str) -> None:
    assert not warnings_of(mlp(activation), optimizer=optimizer, validation=0.2, epochs=12)


@pytest.mark.parametrize("batch_size", [1, 32, "full"])
def test_healthy_regression(batch_size: int | str) -> None:
    assert not warnings_of(mlp(outputs=1), **REGRESSION, batch_size=batch_size, epochs=30)


def test_healthy_networks_of_other_layers() -> None:
    images = X.reshape(300, 2, 3, 1)
    layers = [cr.Conv2D(8, 2), cr.BatchNorm(), cr.ReLU(), cr.Flatten(), cr.Dropout(0.3)]
    assert not warnings_of([*layers, cr.Dense(3)], images)
    residual = [cr.Dense(8), cr.Residual([cr.LayerNorm(), cr.Dense(8), cr.Tanh()]), cr.Dense(3)]
    assert not warnings_of(residual)


@pytest.mark.parametrize(
    ("last", "loss"),
    [
        ([cr.Softmax()], "categorical_cross_entropy"),
        ([cr.Softmax()], "mean_squared_error"),
        ([cr.LogSoftmax()], "kl_divergence"),
        ([], "softmax_cross_entropy"),
        ([cr.Sigmoid()], cr.BinaryCrossEntropy(from_logits=False)),
        ([], "binary_cross_entropy"),
    ],
)
def test_losses_with_the_outputs_that_they_take(last: list[cr.Layer], loss: Any) -> None:
    assert not warnings_of([*mlp(), *last], y=np.eye(3)[LABELS], loss=loss)


def test_a_network_that_has_learnt_may_be_saturated_and_have_no_gradient() -> None:
    x, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    layers = [cr.Dense(8), cr.Tanh(), cr.Dense(8), cr.Tanh(), cr.Dense(2)]
    options = {"optimizer": "adam(0.1)", "epochs": 3000, "batch_size": "full"}
    assert not warnings_of(layers, x, y, **options)


def test_a_second_training_of_what_has_learnt_everything() -> None:
    network = cr.Network([cr.Dense(1)], 6)
    options = {**REGRESSION, "optimizer": "sgd(0.1)", "batch_size": "full", "quiet": True}
    for _ in range(2):  # the second time the loss stays where it is
        history = network.fit(X, epochs=200, **options)
        assert not history.warnings


# --- what a regression has come to ----------------------------------------------------------------


def test_a_regression_no_better_than_the_mean_of_its_targets() -> None:
    options = {**REGRESSION, "y": 300 + 80 * NUMBERS, "epochs": 3}
    warning = only(warnings_of(mlp(outputs=1), **options))
    assert warning.startswith("R² on the training data is -")
    assert "no better than predicting the mean of the targets for every example" in warning
    assert "standardize the targets, whose mean is 2" in warning
    warning = warnings_of(mlp(outputs=1), **options, validation=0.2)[-1]
    assert warning.startswith("R² on the validation data is -")


def test_targets_that_the_inputs_say_nothing_about() -> None:
    y = np.random.default_rng(1).standard_normal(300)
    warning = warnings_of(mlp(outputs=1), **{**REGRESSION, "y": y}, validation=0.5)[-1]
    assert "train for more epochs, or at another learning rate, and check that each y" in warning


@pytest.mark.parametrize("y", [np.full(300, 5.0), NUMBERS], ids=["all the same", "few examples"])
def test_nothing_is_said_of_what_cannot_be_known(y: Any) -> None:
    few = slice(None) if np.ptp(y) == 0 else slice(5)
    assert not warnings_of(mlp(outputs=1), X[few], y[few], loss="mean_squared_error", epochs=1)


# --- before training ------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [255.0, 40.0])
def test_unscaled_input(scale: float) -> None:
    warning = only(warnings_of(mlp(), scale * X))
    assert warning.startswith("the input is not scaled: values of about ")
    assert "reach layer 0 (Dense); bring x to about 0 to 1" in warning


def test_one_feature_of_another_scale() -> None:
    x = X * np.array([1, 1, 1, 1, 1, 1000])
    assert "not scaled: values of about 1.0" in warnings_of(mlp(), x, epochs=1)[0]


@pytest.mark.parametrize(
    "first", [cr.BatchNorm(), cr.LayerNorm(), cr.Activation(lambda x: x / 255, np.ones_like)]
)
def test_a_layer_that_scales_the_input(first: cr.Layer) -> None:
    assert not warnings_of([first, *mlp()], 255 * X)


def test_validation_unlike_training() -> None:
    pair = (255 * X[:50], LABELS[:50])
    warning = only(warnings_of(mlp(), validation=pair, epochs=2))
    assert warning.startswith("the validation data has values from -")


@pytest.mark.parametrize("targets", [lambda y: y, lambda y: np.eye(6)[y]])
def test_missing_classes(targets: Any) -> None:
    warning = only(warnings_of(mlp(outputs=6), y=targets(LABELS)))
    assert warning.startswith("classes 3, 4, 5 occur in no training example, though the network h")


def test_a_class_missing_from_the_training_part() -> None:
    warning = only(warnings_of(mlp(), y=np.minimum(LABELS, 1)))
    assert warning.startswith("class 2 occurs in no training example")


def test_few_examples_may_lack_a_class_by_chance() -> None:
    assert not warnings_of(mlp(outputs=6), X[:50], LABELS[:50])


@pytest.mark.parametrize("wrong", [-1, 10**12])
def test_impossible_classes_are_refused_by_the_loss_alone(wrong: int) -> None:
    y = LABELS.copy()
    y[1] = wrong  # an example that is not looked at
    with pytest.raises(TargetError, match=f"class {wrong} is out of range"):
        warnings_of(mlp(), y=y)


def test_outputs_that_are_no_classes_may_be_0() -> None:
    targets = np.stack([NUMBERS, 0 * NUMBERS], axis=1)
    assert not warnings_of(mlp(outputs=2), y=targets, loss="mean_squared_error")


@pytest.mark.parametrize(
    ("last", "loss", "instead"),
    [
        (cr.Softmax(), "softmax_cross_entropy", "CategoricalCrossEntropy()"),
        (cr.LogSoftmax(), "softmax_cross_entropy", "KLDivergence()"),
        (cr.Sigmoid(), "softmax_cross_entropy", "BinaryCrossEntropy(from_logits=False)"),
        (cr.Sigmoid(), "binary_cross_entropy", "BinaryCrossEntropy(from_logits=False)"),
        (cr.Softmax(), "binary_cross_entropy", "CategoricalCrossEntropy()"),
    ],
)
def test_probabilities_for_a_loss_on_logits(last: cr.Layer, loss: str, instead: str) -> None:
    warning = only(warnings_of([*mlp(), last], y=np.eye(3)[LABELS], loss=loss))
    assert f"but the network ends in layer 5 ({type(last).__name__}): leave that layer" in warning
    assert warning.endswith(f"or train with the loss {instead}")


class OwnSoftmax(cr.Layer):
    """A softmax that shows by what it does."""

    def forward(self, x, training=False):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        return y, y

    def backward(self, dy, y):
        return y * (dy - (dy * y).sum(axis=1, keepdims=True))


def test_a_softmax_of_ones_own() -> None:
    assert "ends in layer 5 (OwnSoftmax)" in only(warnings_of([*mlp(), OwnSoftmax()]))


@pytest.mark.parametrize(
    ("loss", "layer"),
    [
        ("categorical_cross_entropy", "Softmax"),
        (cr.BinaryCrossEntropy(from_logits=False), "Sigmoid"),
        ("kl_divergence", "LogSoftmax"),
    ],
)
def test_logits_for_a_loss_on_probabilities(loss: Any, layer: str) -> None:
    warning = warnings_of(mlp(), y=np.eye(3)[LABELS], loss=loss, epochs=1)[0]
    assert "but layer 4 (Dense) puts out something else" in warning
    assert warning.endswith(f"end the network with {layer}()")


@pytest.mark.parametrize(
    ("batch_size", "examples", "which"),
    [(1, 300, "every batch is"), (7, 50, "the last batch of each epoch is")],
)
def test_batch_norm_with_one_example(batch_size: int, examples: int, which: str) -> None:
    layers = [cr.Dense(8), cr.BatchNorm(), cr.ReLU(), cr.Dense(3)]
    options = {"batch_size": batch_size, "epochs": 2}
    warning = warnings_of(layers, X[:examples], LABELS[:examples], **options)[0]
    assert warning.startswith("layer 1 (BatchNorm) normalizes all to 0 where a batch has one")
    assert which in warning


def test_batch_norm_over_the_positions_of_one_image() -> None:
    layers = [cr.Conv2D(4, 2), cr.BatchNorm(), cr.ReLU(), cr.Flatten(), cr.Dense(3)]
    assert not warnings_of(layers, X.reshape(300, 2, 3, 1), batch_size=1, epochs=2)


# --- while it trains ------------------------------------------------------------------------------


def with_bias(layers: list[cr.Layer], name: str, value: float, **options: Any) -> list[str]:
    """The same as `warnings_of`, where a bias begins at some value."""
    network = cr.Network(layers, 6)
    network.parameters[name][...] = value
    options = {"epochs": 20, "batch_size": 32, "quiet": True, **options}
    return network.fit(X, LABELS, **options).warnings


def test_dead_units() -> None:
    warning = with_bias(mlp(), "2.b", -100)[0]
    assert warning.startswith("16 of 16 units of layer 3 (ReLU) are 0 for all ")
    assert "a dead unit does not learn: lower the learning rate" in warning


def test_dead_units_of_a_rectifier_of_ones_own() -> None:
    class Rectifier(cr.Layer):
        def forward(self, x, training=False):
            return np.clip(x, 0, None), x > 0

        def backward(self, dy, positive):
            return dy * positive

    assert "layer 1 (Rectifier)" in with_bias(mlp(Rectifier), "0.b", -100)[0]


def test_dead_channels() -> None:
    network = cr.Network([cr.Conv2D(4, 2), cr.ReLU(), cr.Flatten(), cr.Dense(3)], (2, 3, 1))
    network.parameters["0.b"][:3] = -100
    warning = only(network.fit(X.reshape(300, 2, 3, 1), LABELS, quiet=True).warnings)
    assert warning.startswith("3 of 4 units of layer 1 (ReLU) are 0 for all")


def test_units_that_are_0_for_the_probe_alone_are_not_dead() -> None:
    """Of 20,000 examples 64 are looked at; a hundred others, all but unseen, make the units act."""
    x = np.full((20_000, 2), -1.0)
    x[7:20_000:40] = 1
    probe = LookPlan.of(training_of([cr.Dense(4), cr.ReLU(), cr.Dense(1)], x, x[:, :1])).probe
    assert (x[np.linspace(0, 19_999, probe).astype(int)] == -1).all()
    network = cr.Network([cr.Dense(4, initializer="ones"), cr.ReLU(), cr.Dense(1)], 2)
    options = {"loss": "mean_squared_error", "optimizer": "sgd(0.001)", "epochs": 1, "quiet": True}
    warnings = network.fit(x, x[:, :1], **options).warnings
    assert not any("are 0 for all examples" in warning for warning in warnings)


def large_weights(network: cr.Network, factor: float, **options: Any) -> list[str]:
    for name, values in network.parameters.items():
        values *= factor if name.endswith("W") else 1
    return network.fit(X, LABELS, **{"epochs": 20, "quiet": True, **options}).warnings


@pytest.mark.parametrize("activation", [cr.Tanh, cr.Sigmoid, cr.HardSigmoid])
def test_saturated(activation: type[cr.Layer]) -> None:
    shuffled = np.random.default_rng(1).permutation(LABELS)
    network = cr.Network(mlp(activation), 6)
    for name in ("0.W", "2.W"):
        network.parameters[name][...] *= 500
    options = {"optimizer": "sgd(1e-4)", "epochs": 20, "quiet": True}
    warning = network.fit(X, shuffled, **options).warnings[0]
    assert warning.startswith(f"layer 1 ({activation.__name__}) is saturated: ")


@pytest.mark.parametrize(("factor", "word"), [(0.05, "vanish"), (20.0, "explode")])
def test_gradients_that_vanish_or_explode(factor: float, word: str) -> None:
    layers = [layer for _ in range(6) for layer in (cr.Dense(16), cr.Identity())]
    network = cr.Network([*layers, cr.Dense(3)], 6)
    for name, values in network.parameters.items():
        values *= factor if name.endswith("W") else 1
    shuffled = np.random.default_rng(1).permutation(LABELS)
    warnings = network.fit(X, shuffled, optimizer="sgd(1e-30)", epochs=2, quiet=True).warnings
    assert only(warnings).startswith(f"gradients {word}: at layer ")


def test_vanishing_in_many_layers_of_sigmoids() -> None:
    layers = [layer for _ in range(8) for layer in (cr.Dense(16), cr.Sigmoid())]
    warning = warnings_of([*layers, cr.Dense(3)], epochs=5)[0]
    assert warning.startswith("gradients vanish: at layer ")


def test_a_loss_that_does_not_move() -> None:
    warning = only(warnings_of(mlp(), optimizer="sgd(1e-7)"))
    assert warning.startswith("the loss has not moved in 20 epochs, 1.")


def test_ten_steps_are_too_few_to_say_so() -> None:
    assert not warnings_of(mlp(), optimizer="sgd(1e-7)", batch_size="full", epochs=10)


def test_labels_that_belong_to_other_inputs() -> None:
    constant = cr.Network([cr.Dense(1, initializer="zeros")], 6)
    noise = np.random.default_rng(2).choice([-1.0, 1.0], 300)
    options = {"loss": "mean_squared_error", "optimizer": "sgd(0.001)", "batch_size": 32}
    assert "the outputs say nothing" in only(
        constant.fit(X, noise, **options, epochs=20, quiet=True).warnings
    )


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Has trainings looked at after every epoch; how many warnings there are then."""
    counts: list[int] = []

    class LooksOften(Watch):
        def training_starts(self, training: Any) -> None:
            super().training_starts(training)
            self.plan.epochs[:] = range(1, training.plan.epochs + 1)

        def epoch_ends(self, training: Any) -> None:
            super().epoch_ends(training)
            counts.append(len(training.history.warnings))

    monkeypatch.setattr("chainrule.network.Watch", LooksOften)
    return counts


def test_a_plateau_in_the_first_half_is_no_trouble_yet(warned: list[int]) -> None:
    warnings_of(mlp(), optimizer="sgd(1e-7)", epochs=40)
    assert warned == [0] * 19 + [1] * 21


def test_each_rule_warns_once(warned: list[int]) -> None:
    assert len(with_bias(mlp(), "2.b", -100, epochs=10)) == 1
    assert warned == [1] * 10


OVERFITS = {"optimizer": "adam(0.01)", "epochs": 200, "validation": (X[60:], LABELS[60:])}


def test_validation_that_rises() -> None:
    warning = only(
        warnings_of([cr.Dense(64), cr.ReLU(), cr.Dense(3)], X[:60], LABELS[:60], **OVERFITS)
    )
    assert warning.startswith("the validation loss rises, from ")
    assert "stop there (--early-stopping, in Python callbacks=[EarlyStopping()])" in warning


def test_early_stopping_sees_to_that() -> None:
    options = {**OVERFITS, "callbacks": [cr.EarlyStopping(patience=100)]}
    assert not warnings_of([cr.Dense(64), cr.ReLU(), cr.Dense(3)], X[:60], LABELS[:60], **options)


# --- how the watch works --------------------------------------------------------------------------


def training_of(layers: list[cr.Layer], x: Any = X, y: Any = LABELS, **options: Any) -> Any:
    """What a callback sees of a training."""

    class Keep(cr.Callback):
        only_shows = True

        def training_starts(self, training: Any) -> None:
            self.training = training

    keep = Keep()
    loss = "softmax_cross_entropy" if y is LABELS else "mean_squared_error"
    options = {"epochs": 1, "loss": loss, **options}
    cr.Network(layers, x.shape[1:]).fit(x, y, callbacks=[keep], quiet=True, **options)
    return keep.training


class Draws(cr.Layer):
    """A layer that draws from the generators that everyone shares, and counts."""

    def __init__(self) -> None:
        self.calls = 0

    def forward(self, x, training=False):
        self.calls += 1
        scale = 1 + 0.1 * np.random.rand() + 0.1 * random.random()  # noqa: NPY002
        return x * scale * (1 + self.calls / 1000), scale * (1 + self.calls / 1000)

    def backward(self, dy, scale):
        return dy * scale


@pytest.mark.parametrize("engine", ["auto", "numpy"])
@pytest.mark.parametrize(
    "layers",
    [
        [cr.Dense(8), cr.BatchNorm(), cr.ReLU(), cr.Dropout(0.3), cr.Dense(3)],
        [cr.Dense(8), Draws(), cr.Dense(3)],
    ],
)
@pytest.mark.parametrize("batch_size", [32, "full"])
def test_it_changes_no_bit(
    layers: list[cr.Layer], engine: str, batch_size: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trained() -> tuple[np.ndarray, np.ndarray, list[float]]:
        np.random.seed(0)  # noqa: NPY002
        random.seed(0)
        network = cr.Network(copy.deepcopy(layers), 6, engine=engine)
        history = network.fit(X, LABELS, epochs=9, batch_size=batch_size, quiet=True)
        return network.parameters.flat, network.buffers.flat, history["loss"]

    looks: list[int] = []
    look = Watch.look
    monkeypatch.setattr(Watch, "look", lambda *given: (looks.append(1), look(*given)))
    watched = trained()
    assert len(looks) >= 3
    monkeypatch.setattr(Watch, "look", lambda *given: None)
    for one, other in zip(watched, trained(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_it_looks_at_the_same_weights_however_fast_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The engine makes many epochs of one step at a time; how many depends on its speed."""
    seen: dict[int, bytes] = {}

    class Note(cr.Callback):
        only_shows = True

        def next_look(self, epoch: int) -> float:
            return min((e for e in (1, 17, 1000) if e >= epoch), default=np.inf)

        def epoch_ends(self, training: Any) -> None:
            if len(training.history) in (1, 17, 1000):
                seen[len(training.history)] = training.network.parameters.flat.tobytes()

    def run(seconds: float) -> dict[int, bytes]:
        monkeypatch.setattr("chainrule.engine.running.session.SECONDS_AT_A_TIME", seconds)
        seen.clear()
        network = cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(3)], 6)
        network.fit(X, LABELS, epochs=1000, batch_size="full", callbacks=[Note()], quiet=True)
        return dict(seen)

    assert run(10.0) == run(1e-6)


def test_the_plan_of_looks_depends_on_the_training_alone() -> None:
    def epochs(count: int, **options: Any) -> list[int]:
        training = training_of([cr.Dense(3)], batch_size=128, **options)
        object.__setattr__(training.plan, "epochs", count)
        return LookPlan.of(training).epochs

    assert epochs(1) == [1]
    assert epochs(10) == [1, 10]
    assert len(epochs(100_000)) == 14
    assert epochs(100_000)[-1] == 100_000
    assert len(epochs(1_000_000)) == 20


def test_a_training_that_ends_early_is_looked_at_once_more() -> None:
    class Stop(cr.Callback):
        def epoch_ends(self, training: Any) -> None:
            if len(training.history) == 12:
                training.stop("seen enough")

    warnings = warnings_of(mlp(), optimizer="sgd(1e-7)", epochs=20, callbacks=[Stop()])
    assert only(warnings).startswith("the loss has not moved in 12 epochs")


def test_what_cannot_be_copied_is_trained_unwatched() -> None:
    class Uncopied(OwnSoftmax):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("there is only one")

    network = cr.Network([cr.Dense(3), Uncopied()], 6)
    assert not network.fit(X, LABELS, epochs=2, quiet=True).warnings


def test_it_runs_in_every_fit_and_is_shown_with_the_epochs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    network = cr.Network(mlp(), 6)
    network.fit(255 * X, LABELS, epochs=2)
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("warning: the input is not scaled")
    assert [line[:5] for line in others] == ["epoch"] * 2
    network.fit(255 * X, LABELS, epochs=2, quiet=True)
    assert capsys.readouterr() == ("", "")


def test_it_is_shown_above_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    network = cr.Network(mlp(), 6)
    options = {"callbacks": [Early(), ProgressBar()], "epochs": 2, "quiet": True}
    network.fit(X, LABELS, **options)
    assert "warning: [red] is no colour here" in capsys.readouterr().out


class Early(cr.Callback):
    """Warns before the first epoch."""

    def training_starts(self, training: Any) -> None:
        training.history.warnings.append("[red] is no colour here")


def test_a_recorder_disturbs_nothing() -> None:
    network = cr.Network([cr.Dense(4), cr.BatchNorm(), cr.ReLU(), cr.Dense(3)], 6)
    before = [network.parameters.flat.copy(), network.buffers.flat.copy()]
    network.gradients.flat[:] = 7
    Recorder(network).record(X, LABELS, cr.SoftmaxCrossEntropy(), training=True)
    np.testing.assert_array_equal(network.parameters.flat, before[0])
    np.testing.assert_array_equal(network.buffers.flat, before[1])
    assert (network.gradients.flat == 7).all()


# --- inputs unlike those of training --------------------------------------------------------------


@pytest.mark.parametrize("engine", ["auto", "numpy"])
@pytest.mark.parametrize("count", [1, 10, 200])
def test_predictions_for_inputs_unlike_those_of_training(
    engine: str, count: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "chainrule")  # whatever other tests made of logging
    network = cr.Network(mlp(), 6, engine=engine)
    network.fit(X, LABELS, epochs=1, quiet=True)
    network.predict(X[:count])
    network.evaluate(X, LABELS)
    assert not caplog.records
    outputs = network.predict(255 * X[:count])
    network.predict(255 * X[:count])
    (record,) = caplog.records
    assert (record.name, record.levelno) == ("chainrule", logging.WARNING)
    assert "warning: x has values from -" in record.message
    np.testing.assert_array_equal(outputs, network.predict(255 * X[:count]))


def test_an_untrained_network_takes_any_input(caplog: pytest.LogCaptureFixture) -> None:
    cr.Network(mlp(), 6).predict(1e6 * X)
    assert not caplog.records


def test_later_predictions_go_unchecked() -> None:
    network = cr.Network(mlp(), 6)
    network.fit(X, LABELS, epochs=1, quiet=True)
    for _ in range(100):
        network.predict(X[:1])
    assert network._checks_left == 0
    network.fit(X, LABELS, epochs=1, quiet=True)
    assert network._checks_left == 100


PIXELS = np.random.default_rng(3).integers(0, 256, (100, 8)).astype(float)


@pytest.mark.parametrize(
    ("x", "trained", "differs"),
    [
        (PIXELS, PIXELS / 255, True),
        (PIXELS / 255, PIXELS, True),
        (PIXELS, PIXELS[::-1], False),
        (PIXELS / 255 * 1.5, PIXELS / 255, False),
        (PIXELS[:1] * 0, PIXELS / 255, False),  # a black image
        (PIXELS[:1] / 255, PIXELS, False),  # of one image nobody knows
        (np.full((1, 8), np.nan), PIXELS, False),
        (PIXELS[:0], PIXELS, False),
        (PIXELS, PIXELS * 0, False),
        (PIXELS - 1000, PIXELS, True),
        (X * 1.2, X, False),
    ],
)
def test_what_is_unlike(x: np.ndarray, trained: np.ndarray, differs: bool) -> None:
    limits = range_of(trained)
    assert limits is not None
    assert (unlike(x, limits) is not None) == differs


def test_the_range_of_what_is_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    assert range_of(np.load(tmp_path / "x.npy", mmap_mode="r")) == range_of(X)
