"""The doctor raises no alarm on right code: the specimens with many seeds, with random sizes, and
chainrule's own layers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from layer_cases import LAYER_CASES, LayerCase

import chainrule as cr
from chainrule.doctor.diagnosis import diagnose_request
from chainrule.doctor.intake.request import Request
from chainrule.foreign.running.loading import load
from chainrule.seeding import generator
from tests.doctor.slips import SPECIMENS

FILES = sorted(SPECIMENS.glob("*.py"))
SEEDS = range(2)  # test_false_alarms.py tries 200, and long
SIZES = [range(6), pytest.param(range(6, 100), marks=pytest.mark.long)]

Example = dict[str, Any]
Maker = Callable[[ModuleType, np.random.Generator, list[int]], Example]

# Each makes a layer and its input from five sizes between 2 and 7.
MAKERS: dict[str, Maker] = {
    "dense_rows": lambda m, rng, n: {
        "layer": m.Linear(n[0], n[1], rng),
        "x": rng.normal(size=(n[2], n[0])),
    },
    "dense_accumulating": lambda m, rng, n: {
        "layer": m.LinearLayer(n[0], n[1], rng),
        "x": rng.normal(size=(n[2], n[0])),
    },
    "dense_given_input": lambda m, rng, n: {
        "layer": m.Dense(n[0], n[1], rng),
        "x": rng.normal(size=(n[0], n[2])),
        "axis": 1,
    },
    "fc_layer": lambda m, rng, n: {
        "layer": m.FCLayer(n[0], n[1], rng),
        "x": rng.normal(size=(n[2], n[0])),
    },
    "batchnorm_short": lambda m, rng, n: {
        "layer": m.BatchNorm1d(n[0], rng),
        "x": rng.normal(1, 2, size=(n[1] + 3, n[0])),
    },
    "batchnorm_steps": lambda m, rng, n: {
        "layer": m.BatchNormalization(n[0], rng),
        "x": rng.normal(size=(n[1] + 3, n[0])),
    },
    "softmax_layer": lambda m, rng, n: {"layer": m.Softmax(), "x": rng.normal(size=(n[0], n[1]))},
    "dropout": lambda m, rng, n: {
        "layer": m.Dropout(0.3, n[0]),
        "x": rng.normal(size=(n[1], n[2])),
    },
    "conv_loops": lambda m, rng, n: {
        "layer": m.Conv2d(2, 3, 2 + n[0] % 2, stride=1 + n[1] % 2, padding=n[2] % 2, rng=rng),
        "x": rng.normal(size=(2, 2, n[3] + 2, n[4] + 2)),
    },
    "conv_im2col": lambda m, rng, n: {
        "layer": m.ConvLayer(2, 3, 2, 1 + n[1] % 2, n[2] % 2, rng),
        "x": rng.normal(size=(2, n[3] + 2, n[4] + 2, 2)),
    },
    "maxpool_loops": lambda m, rng, n: {
        "layer": m.MaxPool2d(2 + n[0] % 2, 1 + n[1] % 2),
        "x": rng.normal(size=(2, 2, n[2] + 2, n[3] + 2)),
    },
}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_right_specimens_pass_with_every_seed(file: Path) -> None:
    for seed in SEEDS:
        diagnosis = diagnose_request(Request(file, seed=seed))
        assert diagnosis.ok, f"seed {seed}: {diagnosis}"


@pytest.mark.parametrize("numbers", SIZES, ids=str)
@pytest.mark.parametrize("name", MAKERS)
def test_right_layers_pass_in_every_size(name: str, numbers: range) -> None:
    module = load(SPECIMENS / f"{name}.py").module
    for number in numbers:
        rng = generator(number, "sizes")
        sizes = [int(size) for size in rng.integers(2, 8, size=5)]
        diagnosis = cr.check.diagnose(MAKERS[name](module, rng, sizes))
        assert diagnosis.ok, f"{sizes}: {diagnosis}"


@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_chainrules_own_layers_pass(case: LayerCase) -> None:
    x = generator(0, "x").standard_normal((3, *case.input_shape))
    diagnosis = cr.check.diagnose(case.make(), x)
    assert diagnosis.ok, str(diagnosis)
    assert diagnosis.comparisons


def test_a_network_with_its_loss_passes() -> None:
    layers = [cr.Dense(6, regularizer="l2(0.1)"), cr.Tanh(), cr.Dense(3)]
    x = generator(0, "x").standard_normal((5, 4))
    network = cr.Network(layers, input_shape=4)
    diagnosis = cr.check.diagnose(network, x, np.array([0, 1, 2, 1, 0]), loss=LOSS)
    assert diagnosis.ok, str(diagnosis)
    assert [each.name for each in diagnosis.comparisons] == ["0.dW", "0.db", "2.dW", "2.db"]


LOSS = "softmax_cross_entropy"
