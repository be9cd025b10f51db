"""What is not said is chosen so that it learns: in Python, on the command line, for all optimizers,
and for sets of four examples as well as of thousands."""

from __future__ import annotations

import inspect

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.training import Plan
from chainrule.experiments.config import TrainConfig, make_config
from chainrule.experiments.runner import prepare, train
from chainrule.optimizers import OPTIMIZERS


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_learns_at_its_own_rate(optimizer: str) -> None:
    digits = cr.datasets.load("digits")
    net = cr.Network(
        [cr.Flatten(), cr.Dense(128), cr.ReLU(), cr.Dense(10)], digits.input_shape, seed=0
    )
    net.fit(digits.x_train, digits.y_train, optimizer=optimizer, quiet=True)
    assert net.evaluate(digits.x_test, digits.y_test, metrics=["accuracy"])["accuracy"] > 0.93


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_command_takes_the_rate_of_the_class(optimizer: str) -> None:
    prepared = prepare(make_config({"data": "xor", "optimizer": optimizer}))
    assert prepared.config.learning_rate == OPTIMIZERS[optimizer]().learning_rate


def test_python_and_the_command_have_the_same_defaults() -> None:
    fit = inspect.signature(cr.Network.fit).parameters
    for name in ("optimizer", "epochs", "batch_size", "samples_per_epoch", "on_nan"):
        assert fit[name].default == TrainConfig.model_fields[name].default
    cnn = prepare(make_config({"data": "digits", "model": "cnn"})).network
    first_weights = {(type(layer), getattr(layer, "initializer", None)) for layer in cnn.layers}
    assert {(cr.Conv2D, cr.Conv2D(1, 1).initializer), (cr.Dense, cr.Dense(1).initializer)} == {
        (kind, name) for kind, name in first_weights if name is not None
    }


@pytest.mark.parametrize(
    ("data", "accuracy"),
    [("xor", 1.0), ("xor-line", 1.0), ("moons", 0.95), ("circles", 0.98), ("digits", 0.95)],
)
def test_a_set_of_any_size_is_learnt(data: str, accuracy: float) -> None:
    prepared = prepare(make_config({"data": data}))
    history = train(prepared)
    assert history["accuracy"][-1] >= accuracy
    assert len(history) == prepared.config.epochs


def test_epochs_are_counted_by_steps_where_there_are_few_examples() -> None:
    assert Plan.of(None, 32, None, 60_000).epochs == 10
    assert Plan.of(None, 32, None, 3_200).epochs == 5_000 / 100
    assert Plan.of(None, 32, None, 1_280).epochs == 100
    assert Plan.of(None, 32, None, 320).epochs == 2_000 / 10
    assert Plan.of(None, 32, None, 4).epochs == 2_000
    assert Plan.of(None, "full", None, 60_000).epochs == 2_000
    assert Plan.of(None, 10, 100, 60_000).epochs == 200
    assert Plan.of(3, 32, None, 4).epochs == 3


def test_what_is_held_out_does_not_count() -> None:
    x, y = np.eye(128), np.arange(128) % 2
    net = cr.Network([cr.Dense(2)], 128)
    assert len(net.fit(x, y, validation=64, quiet=True)) == 2_000 / 2
    assert len(net.fit(x, y, warm_start=True, epochs=2, quiet=True)) == 1_002
