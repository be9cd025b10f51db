"""Averages of the weights: what their formulas say, in validation and in the end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

import chainrule as cr
from chainrule.errors import ChainruleError
from chainrule.types import Array

X, Y = cr.datasets.fresh("moons", 96, seed=0, epoch=1)
ENGINES = ("numpy", "compiled")


def network(engine: str = "numpy", normalizes: bool = False) -> cr.Network:
    between = [cr.BatchNorm()] if normalizes else []
    layers = [cr.Dense(6), *between, cr.Tanh(), cr.Dense(2)]
    return cr.Network(layers, 2, dtype="float64", engine=engine)


def fit(net: cr.Network, average: object, **options: object) -> cr.History:
    given = {"epochs": 4, "batch_size": 32, "validation": (X[:20], Y[:20]), **options}
    return net.fit(X, Y, average=average, quiet=True, **given)


class Remember(cr.Callback):
    """The weights that steps and epochs left."""

    def __init__(self) -> None:
        self.steps: list[Array] = []
        self.buffers: list[Array] = []

    def step_ends(self, training: cr.callbacks.Training) -> None:
        self.steps.append(training.network.parameters.flat.copy())
        self.buffers.append(training.network.buffers.flat.copy())


@pytest.mark.parametrize("engine", ENGINES)
def test_an_exponential_average_is_what_its_formula_says(engine: str) -> None:
    net, seen = network(engine, normalizes=True), Remember()
    weights, buffers = net.parameters.flat.copy(), net.buffers.flat.copy()
    fit(net, "ema(0.6)", callbacks=[seen])
    for step, (now, statistics) in enumerate(zip(seen.steps, seen.buffers, strict=True), start=1):
        decay = min(0.6, (1 + step) / (10 + step))
        weights = decay * weights + (1 - decay) * now
        buffers = decay * buffers + (1 - decay) * statistics
    np.testing.assert_allclose(net.parameters.flat, weights, rtol=1e-12)
    np.testing.assert_allclose(net.buffers.flat, buffers, rtol=1e-12)
    assert np.abs(net.parameters.flat - seen.steps[-1]).max() > 1e-4


@pytest.mark.parametrize("engine", ENGINES)
def test_a_stochastic_average_is_the_mean_of_the_last_epochs(engine: str) -> None:
    net, seen = network(engine), Remember()
    fit(net, "swa(0.5)", callbacks=[seen])
    last = [seen.steps[3 * epoch - 1] for epoch in (3, 4)]  # of three steps each
    np.testing.assert_allclose(net.parameters.flat, np.mean(last, axis=0), rtol=1e-12)


def test_averages_are_those_of_pytorch() -> None:
    """The mean of its AveragedModel, and the statistics of its `update_bn`."""
    net, seen = network(normalizes=True), Remember()
    fit(net, "swa(0)", batch_size="full", callbacks=[seen])
    model = torch.optim.swa_utils.AveragedModel(torch.nn.Linear(1, 1).double())
    parameter = model.module.weight.data
    values = [torch.full_like(parameter, float(weights[0])) for weights in seen.steps]
    for value in values:
        live = torch.nn.Linear(1, 1).double()
        live.weight.data = value
        model.update_parameters(live)
    np.testing.assert_allclose(net.parameters.flat[0], parameter.item(), rtol=1e-12)
    norm = torch.nn.BatchNorm1d(6, momentum=None).double()
    norm(torch.tensor(net.layers[0].forward(X)[0]))
    np.testing.assert_allclose(net.layers[1].running_mean, norm.running_mean, rtol=1e-10)
    np.testing.assert_allclose(net.layers[1].running_variance, norm.running_var, rtol=1e-10)
    assert net.layers[1].momentum == 0.1


@pytest.mark.parametrize("average", ["ema(0.8)", "swa(0.4)"])
def test_the_history_validates_the_average(average: str) -> None:
    net = network(normalizes=True)
    history = fit(net, average)
    assert history["validation_loss"][-1] == net.evaluate(X[:20], Y[:20])["loss"]


def test_the_best_epoch_is_the_best_average() -> None:
    net = network()
    history = fit(net, "ema(0.8)", optimizer="sgd(5)", callbacks=[cr.EarlyStopping(50)])
    losses = history["validation_loss"]
    assert min(losses) < losses[-1]
    assert net.evaluate(X[:20], Y[:20])["loss"] == min(losses)


@pytest.mark.parametrize("average", ["ema", "swa(0.2)"])
@pytest.mark.parametrize("engine", ENGINES)
def test_a_training_that_was_cut_off_goes_on_to_the_same_average(
    average: str, engine: str, tmp_path: Path
) -> None:
    class Stop(cr.Callback):
        def step_ends(self, training: cr.callbacks.Training) -> None:
            if training.moment.step == 7:  # within the third epoch
                raise KeyboardInterrupt

    def trained(*callbacks: cr.Callback, **options: object) -> Array:
        net = network(engine, normalizes=True)
        fit(net, average, callbacks=callbacks, **options)
        return np.concatenate([net.parameters.flat, net.buffers.flat])

    checkpoint = cr.Checkpoints(tmp_path / "saved", seconds=0)
    trained(Stop(), checkpoint=checkpoint)
    resumed = trained(checkpoint=checkpoint, resume=True)
    np.testing.assert_array_equal(resumed, trained())


def test_going_back_takes_the_average_back() -> None:
    class Spoil(cr.Callback):
        spoilt = False

        def step_ends(self, training: cr.callbacks.Training) -> None:
            if training.moment.step == 7 and not self.spoilt:
                self.spoilt = True
                training.network.parameters.flat[:] = np.inf

    net = network()
    fit(net, "ema", callbacks=[Spoil()], on_nan="roll_back")
    assert np.isfinite(net.parameters.flat).all()


@pytest.mark.parametrize(
    ("average", "message"),
    [
        ("emma", "no average is called 'emma'; did you mean 'ema'"),
        ("ema(1)", "decay is a number in"),
        ("swa(1)", "start_at is a number in"),
    ],
)
def test_what_cannot_be(average: str, message: str) -> None:
    with pytest.raises(ChainruleError, match=message):
        fit(network(), average)
