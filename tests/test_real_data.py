"""The commands of the documentation, on the real MNIST and EMNIST."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.experiments.config import make_config
from chainrule.experiments.run_folder import new_run_folder
from chainrule.experiments.runner import prepare, run


def test_a_network_learns_mnist_in_one_epoch(shared_data: Path) -> None:
    mnist = cr.datasets.load("mnist", data_dir=shared_data)
    net = cr.Network(
        [cr.Flatten(), cr.Dense(128), cr.ReLU(), cr.Dense(64), cr.ReLU(), cr.Dense(10)],
        input_shape=mnist.input_shape,
        seed=0,
    )
    net.fit(mnist.x_train, mnist.y_train, epochs=1, metrics=["accuracy"], quiet=True)
    assert net.evaluate(mnist.x_test, mnist.y_test)["accuracy"] > 0.94


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    ("data", "options", "accuracy"),
    [
        ("mnist", {"hidden": [128, 64], "epochs": 10}, 0.978),
        ("mnist", {"model": "cnn", "epochs": 3}, 0.990),
        ("emnist47", {"model": "cnn", "epochs": 3}, 0.850),
    ],
)
def test_documented_accuracy(
    shared_data: Path, tmp_path: Path, data: str, options: dict[str, object], accuracy: float
) -> None:
    prepared = prepare(make_config({"data": data, "data_dir": str(shared_data), **options}))
    with new_run_folder(tmp_path / "run") as folder:
        run(prepared, folder, quiet=True)
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    assert summary["test"]["accuracy"] >= accuracy
