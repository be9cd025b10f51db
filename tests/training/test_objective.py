"""Regressions whose targets are standardized: what is learnt is that of targets standardized by
hand, and all that is reported is in the unit of the targets that were given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.preparation import Preparation
from chainrule.data.tables.target_scale import TargetScale
from chainrule.errors import ArgumentError, TargetError
from chainrule.objective import Objective

rng = np.random.default_rng(0)
X = rng.standard_normal((200, 3)).astype(np.float32)
Y = (300 + 50 * (X @ [1.0, -2.0, 0.5] + 0.1 * rng.standard_normal(200))).astype(np.float32)
SCALE = TargetScale.learn(Y[:, None])
STANDARDIZED = ((Y.astype(np.float64) - SCALE.means[0]) / SCALE.deviation).astype(np.float32)
OPTIONS: dict[str, Any] = {
    "epochs": 30,
    "batch_size": 20,
    "optimizer": "adam(0.01)",
    "metrics": ["root_mean_squared_error", "r2"],
    "quiet": True,
}


class Cubed(cr.Loss):
    """l = |p - t|³, which chainrule does not know."""

    def formulas(self, predictions: Any, targets: Any) -> tuple[Any, Any]:
        difference = predictions - targets
        return np.abs(difference) ** 3, 3 * difference * np.abs(difference)


def network(engine: str = "auto", scale: TargetScale | None = SCALE) -> cr.Network:
    made = cr.Network([cr.Dense(8), cr.Tanh(), cr.Dense(1)], 3, engine=engine)
    made.preparation = Preparation(target_scale=scale)
    return made


@pytest.mark.parametrize("engine", ["numpy", "compiled"])
@pytest.mark.parametrize(
    ("loss", "by_hand", "factor"),
    [
        (cr.MeanSquaredError(), cr.MeanSquaredError(), SCALE.deviation**2),
        (cr.MeanAbsoluteError(), cr.MeanAbsoluteError(), SCALE.deviation),
        (cr.Huber(delta=60), cr.Huber(delta=60 / SCALE.deviation), SCALE.deviation**2),
    ],
    ids=lambda given: type(given).__name__,
)
def test_it_learns_what_targets_standardized_by_hand_teach(
    engine: str, loss: cr.Loss, by_hand: cr.Loss, factor: float
) -> None:
    net, plain = network(engine), network(engine, scale=None)
    history = net.fit(X, Y, loss=loss, validation=0.25, **OPTIONS)
    expected = plain.fit(X, STANDARDIZED, loss=by_hand, validation=0.25, **OPTIONS)
    np.testing.assert_array_equal(net.parameters.flat, plain.parameters.flat)
    predictions = net.predict(X)
    np.testing.assert_allclose(
        predictions, SCALE.means[0] + SCALE.deviation * plain.predict(X), rtol=1e-5
    )
    for part in ("", "validation_"):
        np.testing.assert_allclose(
            history[f"{part}loss"], np.array(expected[f"{part}loss"]) * factor, rtol=1e-3
        )
        name = f"{part}root_mean_squared_error"
        np.testing.assert_allclose(
            history[name], np.array(expected[name]) * SCALE.deviation, rtol=1e-4
        )
        np.testing.assert_allclose(history[f"{part}r2"], expected[f"{part}r2"], atol=1e-4)
    judged = net.evaluate(X, Y)
    assert judged["loss"] == pytest.approx(loss.forward(predictions, Y)[0])
    assert judged["root_mean_squared_error"] == pytest.approx(
        np.sqrt(np.mean((predictions[:, 0] - Y) ** 2)), rel=1e-4
    )
    assert net.loss == loss


def test_epochs_of_one_step_are_reported_in_the_unit_of_the_targets() -> None:
    options = {"loss": "mean_squared_error", "batch_size": "full", "epochs": 5, "quiet": True}
    ahead = network().fit(X, Y, **options)["loss"]
    one_by_one = network("numpy").fit(X, Y, **options)["loss"]
    np.testing.assert_allclose(ahead, one_by_one, rtol=1e-4)
    assert ahead[0] > 100  # not of standardized targets


def test_penalties_count_beside_the_loss_of_standardized_targets() -> None:
    layers = [cr.Dense(1, regularizer=cr.L2(0.1))]
    net = cr.Network(layers, 3)
    net.preparation = Preparation(target_scale=SCALE)
    options = OPTIONS | {"metrics": []}
    history = net.fit(X, Y, loss="mean_squared_error", validation=(X, Y), **options)
    assert net.penalty() > 0.01
    expected = np.mean((net.predict(X)[:, 0] - Y) ** 2) + SCALE.deviation**2 * net.penalty()
    assert history["validation_loss"][-1] == pytest.approx(expected, rel=1e-4)


def test_examples_that_are_drawn_are_standardized_too() -> None:
    net = network()
    history = net.fit(
        lambda epoch: (X[epoch::2], Y[epoch::2]), loss="mean_squared_error", **OPTIONS
    )
    assert history["r2"][-1] > 0.5
    assert net.evaluate(X, Y)["r2"] > 0.5


def test_it_goes_with_the_network_to_a_file_and_back(tmp_path: Path) -> None:
    net = network()
    net.fit(X, Y, loss="huber", **OPTIONS)
    net.save(tmp_path / "net.safetensors")
    loaded = cr.load(tmp_path / "net.safetensors")
    assert loaded.preparation == net.preparation
    np.testing.assert_array_equal(loaded.predict(X), net.predict(X))
    assert loaded.evaluate(X, Y) == net.evaluate(X, Y)


def test_a_loss_without_a_form_for_it_is_refused() -> None:
    with pytest.raises(ArgumentError, match="Cubed has no form for these: use mean_squared_error"):
        network().fit(X, Y, loss=Cubed(), quiet=True)
    network(scale=None).fit(X, Y / 100, loss=Cubed(), epochs=1, quiet=True)


def test_targets_of_another_number_are_refused() -> None:
    with pytest.raises(
        TargetError, match=r"y has shape \(200, 2\), but .* trained on 1 target for"
    ):
        network().fit(X, np.stack([Y, Y], 1), loss="huber", quiet=True)


def test_several_targets_have_a_mean_each() -> None:
    y = np.stack([Y, 1000 + Y], 1)
    scale = TargetScale.learn(y)
    assert scale.means == pytest.approx((Y.mean(), 1000 + Y.mean()), rel=1e-5)
    np.testing.assert_allclose(scale.restore(scale.standardize(y)), y, rtol=1e-6)


def test_targets_that_do_not_vary_are_only_moved() -> None:
    assert TargetScale.learn(np.full((5, 1), 7.0)) == TargetScale((7.0,), 1.0)


def test_without_a_scale_nothing_changes() -> None:
    objective = Objective.of(cr.MeanSquaredError(), None)
    assert objective.targets(Y) is Y
    assert objective.restored(Y) is Y
    assert objective.factor == 1
