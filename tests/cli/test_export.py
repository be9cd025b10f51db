"""`chainrule export`: a run's network in an ONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import chainrule as cr
from tests.cli.conftest import Command
from tests.experiments.runs import train


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("digits") / "run", data="digits", epochs=2).path


def test_the_file_predicts_what_the_run_predicts(chainrule: Command, digits_run: Path) -> None:
    answer = chainrule("export", digits_run, "--onnx", "digits.onnx")
    assert answer.code == 0
    assert answer.out == "digits.onnx: x (N, 8, 8, 1) goes in, y (N, 10) comes out\n"
    assert chainrule("predict", digits_run, "digits", "--out", "predictions.csv").code == 0
    expected = np.loadtxt("predictions.csv", delimiter=",", skiprows=1, dtype=int)[:, 1]
    digits = cr.datasets.load("digits")
    pixels = digits.x_test * np.float32(digits.preparation.scale)  # as the data has them
    (outputs,) = onnxruntime.InferenceSession("digits.onnx").run(None, {"x": pixels})
    np.testing.assert_array_equal(outputs.argmax(axis=1), expected)
    again, network = cr.from_onnx("digits.onnx"), cr.load(digits_run / "model.safetensors")
    for x in (digits.x_test, pixels.round().astype(np.uint8)):
        np.testing.assert_array_equal(again.predict(x), network.predict(x))


def test_a_file_is_replaced_only_by_force(chainrule: Command, digits_run: Path) -> None:
    assert chainrule("export", digits_run, "--onnx", "digits.onnx").code == 0
    refused = chainrule("export", digits_run, "--onnx", "digits.onnx")
    assert refused.code == 2
    assert "--force" in refused.err
    assert chainrule("export", digits_run, "--onnx", "digits.onnx", "--force").code == 0


def test_what_cannot_be_written_is_one_message(chainrule: Command, digits_run: Path) -> None:
    for arguments in (
        [digits_run],
        [digits_run, "--onnx", "no/such/folder/digits.onnx"],
        ["nowhere", "--onnx", "digits.onnx"],
    ):
        answer = chainrule("export", *arguments)
        assert answer.code == 2
        assert "Traceback" not in answer.err
        assert not list(Path().iterdir())
