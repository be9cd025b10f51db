"""Several networks as one, several views of an example, and probabilities taken at their word."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

import chainrule as cr
from chainrule.augment import Augmentation
from chainrule.calibration import at_temperature, find_temperature, reliability
from chainrule.errors import ArgumentError, TargetError
from chainrule.functions import softmax
from chainrule.types import Array

DIGITS = cr.datasets.load("digits")
X, Y = DIGITS.x_train[:300], DIGITS.y_train[:300]


def trained(seed: int, loss: str = "softmax_cross_entropy", outputs: int = 10) -> cr.Network:
    net = cr.Network([cr.Flatten(), cr.Dense(outputs)], (8, 8, 1), seed=seed, engine="numpy")
    y = Y if outputs == 10 else (Y > 4).astype(np.float32)
    net.fit(X, y, loss=loss, epochs=8, quiet=True)
    return net


NETS = [trained(seed) for seed in (0, 1, 2)]


def likelihood(logits: Array, y: Array, temperature: float) -> float:
    return float(-np.log(softmax(logits / temperature)[np.arange(len(y)), y]).mean())


def test_an_ensemble_answers_with_the_mean_of_its_probabilities() -> None:
    together = cr.Ensemble(NETS)
    each = [softmax(net.predict(DIGITS.x_test).astype(float)) for net in NETS]
    np.testing.assert_allclose(together.predict(DIGITS.x_test), np.mean(each, axis=0), rtol=1e-12)
    numbers = together.evaluate(DIGITS.x_test, DIGITS.y_test)
    mean = np.mean(each, axis=0)
    assert numbers["accuracy"] == (mean.argmax(axis=1) == DIGITS.y_test).mean()
    of_true = mean[np.arange(len(mean)), DIGITS.y_test]
    assert numbers["loss"] == pytest.approx(-np.log(of_true).mean())
    assert numbers["loss"] < np.mean([net.evaluate(DIGITS.x_test, DIGITS.y_test)["loss"]
                                      for net in NETS])  # fmt: skip


@pytest.mark.parametrize(
    ("loss", "shape"), [("mean_squared_error", (300, 1)), ("binary_cross_entropy", (300, 2))]
)
def test_numbers_are_averaged_as_they_are_and_two_classes_as_probabilities(
    loss: str, shape: tuple[int, ...]
) -> None:
    nets = [trained(seed, loss, outputs=1) for seed in (0, 1)]
    answers = cr.Ensemble(nets).predict(X)
    assert answers.shape == shape
    outputs = np.array([net.predict(X).astype(float) for net in nets])
    expected = outputs if shape[1] == 1 else 1 / (1 + np.exp(-outputs))
    np.testing.assert_allclose(answers[:, -1], expected.mean(axis=0)[:, 0], rtol=1e-9)


def test_views_are_the_image_itself_and_changed_ones() -> None:
    net, augment = NETS[0], "affine(1, rotation=0, scale=0)"
    several = cr.Ensemble(net, augment=augment, views=3, seed=4).predict(X[:20])
    seen = [X[:20], *(Augmentation.of(augment).of_epoch(X[:20], 4, view)[:] for view in (1, 2))]
    expected = np.mean([softmax(net.predict(view).astype(float)) for view in seen], axis=0)
    np.testing.assert_allclose(several, expected, rtol=1e-9)
    assert np.abs(several - cr.Ensemble(net).predict(X[:20])).max() > 0.01


def test_the_temperature_makes_held_out_examples_likeliest() -> None:
    logits = np.random.default_rng(0).normal(size=(400, 5)) * 3
    y = np.array([np.random.default_rng(n).choice(5, p=softmax(row / 2.5)) for n, row in
                  enumerate(logits)])  # fmt: skip
    found = find_temperature(softmax(logits), y)
    best = minimize_scalar(lambda t: likelihood(logits, y, t), bounds=(0.1, 20), method="bounded")
    assert found == pytest.approx(best.x, rel=1e-3)
    assert 2 < found < 3
    np.testing.assert_allclose(at_temperature(softmax(logits), 2.0), softmax(logits / 2), rtol=1e-9)


def test_a_calibrated_ensemble_keeps_its_answers_and_loses_less() -> None:
    together = cr.Ensemble(NETS)
    before, classes = together.evaluate(X, Y), together.predict(X).argmax(axis=1)
    temperature = together.calibrate(X, Y)
    after = together.evaluate(X, Y)
    assert temperature != 1
    assert after["loss"] < before["loss"]
    assert after["accuracy"] == before["accuracy"]
    np.testing.assert_array_equal(together.predict(X).argmax(axis=1), classes)


def test_reliability_by_hand() -> None:
    probabilities = np.array([[0.95, 0.05], [0.91, 0.09], [0.35, 0.65], [0.0, 1.0], [0.5, 0.5]])
    found = reliability(probabilities, np.array([0, 1, 1, 1, 0]))
    np.testing.assert_allclose(found.confidences, [0.5, 0.65, (0.95 + 0.91 + 1) / 3])
    np.testing.assert_allclose(found.accuracies, [1, 1, 2 / 3])
    np.testing.assert_array_equal(found.counts, [1, 1, 3])
    assert found.error == pytest.approx((0.5 + 0.35 + 3 * abs(2 / 3 - 2.86 / 3)) / 5)


def test_what_cannot_be() -> None:
    with pytest.raises(ArgumentError, match="one network or more"):
        cr.Ensemble([])
    with pytest.raises(ArgumentError, match="outputs of shape"):
        cr.Ensemble([NETS[0], cr.Network([cr.Flatten(), cr.Dense(3)], (8, 8, 1))])
    with pytest.raises(ArgumentError, match="go together"):
        cr.Ensemble(NETS, views=3)
    with pytest.raises(ArgumentError, match="go together"):
        cr.Ensemble(NETS, augment="affine")
    with pytest.raises(ArgumentError, match="a view is of one example"):
        cr.Ensemble(NETS, augment="affine + mix_up", views=2)
    with pytest.raises(ArgumentError, match="a temperature is of probabilities"):
        cr.Ensemble(trained(0, "mean_squared_error", outputs=1)).calibrate(X, Y)
    with pytest.raises(TargetError, match="calibration is of probabilities"):
        find_temperature(np.zeros(3), np.zeros(3, int))
