"""What a run records of its layers, and that recording changes nothing."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.experiments.recording import (
    PROBE,
    RECORDS,
    RecordLayers,
    describe_activations,
    read_layers,
    spaced_epochs,
)

LAYERS = [cr.Dense(8), cr.Sigmoid(), cr.Dense(4), cr.ReLU(), cr.Dense(2)]


def fit(*callbacks: cr.Callback, epochs: int = 3) -> tuple[cr.Network, cr.History]:
    parabola = cr.datasets.load("parabola", samples=200)
    net = cr.Network(LAYERS, input_shape=2)
    history = net.fit(
        parabola.x_train, parabola.y_train, epochs=epochs, callbacks=callbacks, quiet=True
    )
    return net, history


def test_a_line_for_each_epoch_with_an_entry_for_each_layer(tmp_path: Path) -> None:
    net, _ = fit(RecordLayers(tmp_path / "layers.jsonl"))

    records = read_layers(tmp_path / "layers.jsonl", len(LAYERS))
    assert [record.epoch for record in records] == [1, 2, 3]
    last = records[-1].layers
    assert [entry.gradient_norm is None for entry in last] == [False, True, False, True, False]
    assert [entry.saturated is None for entry in last] == [True, False, True, True, True]
    gradients = np.concatenate([net.gradients["2.W"].ravel(), net.gradients["2.b"]])
    assert last[2].gradient_norm == pytest.approx(np.linalg.norm(gradients), rel=1e-5)
    outputs = net.predict(cr.datasets.load("parabola", samples=200).x_train[:PROBE])
    assert last[4].mean == pytest.approx(outputs.mean(), rel=1e-5)
    assert last[4].std == pytest.approx(outputs.std(), rel=1e-5)


def test_shares_of_zero_and_saturated_values() -> None:
    rectified = describe_activations(cr.ReLU(), np.array([[0.0, 1.0], [0.0, 0.0]]))
    assert (rectified["zero"], rectified["saturated"]) == (0.75, None)
    tanh = describe_activations(
        cr.Tanh(), np.array([-1.0, -0.95, -0.85, 0.0, 0.85, 0.95, 1.0, 0.5])
    )
    assert (tanh["zero"], tanh["saturated"]) == (0.125, 0.5)


def test_recording_changes_nothing(tmp_path: Path) -> None:
    without, _ = fit()
    recorded, _ = fit(RecordLayers(tmp_path / "layers.jsonl"))
    np.testing.assert_array_equal(without.parameters.flat, recorded.parameters.flat)


@pytest.mark.parametrize("epochs", [1, 2, RECORDS, RECORDS + 1, 1000, 12_345])
def test_recorded_epochs_are_few_and_hold_the_first_and_the_last(epochs: int) -> None:
    recorded = spaced_epochs(epochs)
    assert recorded[0] == 1
    assert recorded[-1] == epochs
    assert len(set(recorded)) == len(recorded) == min(epochs, RECORDS)
    gaps = np.diff(recorded)
    assert gaps.size == 0 or gaps.max() - gaps.min() <= 1


def test_the_last_epoch_is_recorded_when_training_ends_early(tmp_path: Path) -> None:
    class StopAtEpoch7(cr.Callback):
        def epoch_ends(self, trainer: object) -> None:
            if len(trainer.history) == 7:
                trainer.stop("enough")

    path = tmp_path / "layers.jsonl"
    _, history = fit(RecordLayers(path), StopAtEpoch7(), epochs=1000)
    assert len(history) == 7
    assert [json.loads(line)["epoch"] for line in path.read_text().splitlines()] == [1, 6, 7]
