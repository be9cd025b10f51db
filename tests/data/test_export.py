from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from chainrule.datasets import Dataset, export_csv, load, load_inputs
from chainrule.errors import ArgumentError, DataError, OutputError


def test_the_file_is_as_promised(tmp_path: Path) -> None:
    path = tmp_path / "digits.csv"
    digits = load("digits")
    export_csv(digits, "test", path)
    lines = path.read_text().splitlines()
    assert lines[0] == "label," + ",".join(f"pixel{position}" for position in range(64))
    assert len(lines) == 361
    first = [int(cell) for cell in lines[1].split(",")]
    assert digits.x_test is not None
    assert digits.y_test is not None
    assert first[0] == digits.y_test[0]
    assert first[1:] == np.rint(digits.x_test[0].ravel() * 255).tolist()


def test_images_survive_the_round_trip(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (5000, 28, 28), np.uint8)
    np.savez(
        tmp_path / "images.npz",
        x_train=x,
        y_train=x[:, 0, 0] % 10,
        x_test=x,
        y_test=x[:, 0, 1] % 10,
    )
    images = load(tmp_path / "images.npz")
    export_csv(images, "train", tmp_path / "train.csv")
    again = load(tmp_path / "train.csv")
    assert replace(again.preparation, layout=None) == images.preparation
    assert np.array_equal(again.x_train, images.x_train[:])
    assert np.array_equal(again.y_train, images.y_train)
    export_csv(images, "test", tmp_path / "test.csv", labels=False)
    inputs = load_inputs(tmp_path / "test.csv", images.preparation)
    assert images.x_test is not None
    assert np.array_equal(inputs.x, images.x_test[:])
    assert inputs.y is None


def test_features_survive_the_round_trip(tmp_path: Path) -> None:
    for name in ("linear", "sine"):
        dataset = load(name, samples=50)
        export_csv(dataset, "train", tmp_path / f"{name}.csv")
        again = load(tmp_path / f"{name}.csv", task=dataset.task)
        x = dataset.x_train.astype(np.float64)
        standardized = (x - x.mean(axis=0)) / x.std(axis=0)
        assert np.allclose(again.x_train, standardized, atol=1e-6)
        assert np.array_equal(again.y_train, dataset.y_train)


def test_digits_exported_are_prepared_as_the_bundled_ones(tmp_path: Path) -> None:
    digits = load("digits")
    export_csv(digits, "test", tmp_path / "test.csv", labels=False)
    x = load_inputs(tmp_path / "test.csv", digits.preparation).x
    assert digits.x_test is not None
    assert np.abs(x - digits.x_test).max() <= 0.5 / 255 + 1e-6


def test_existing_files_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "xor.csv"
    path.write_text("precious")
    with pytest.raises(OutputError, match="exists already: give another name, or --force"):
        export_csv(load("xor"), "train", path)
    assert path.read_text() == "precious"
    export_csv(load("xor"), "train", path, overwrite=True)
    assert path.read_text().startswith("label,feature0")


def test_bad_parts(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="part='tset': choose 'train' or 'test'"):
        export_csv(load("xor"), "tset", tmp_path / "a.csv")
    train_only = Dataset("mine", np.zeros((2, 2)), np.arange(2))
    with pytest.raises(DataError, match="mine has no test part"):
        export_csv(train_only, "test", tmp_path / "a.csv")


def test_what_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "nowhere" / "a.csv", tmp_path / "file" / "a.csv"):
        with pytest.raises(OutputError, match=r"cannot write .*a.csv: No"):
            export_csv(load("xor"), "train", path)


def test_a_full_disk_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(cells: np.ndarray) -> bytes:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("chainrule.data.export._lines", fail)
    with pytest.raises(OutputError, match=r"a.csv: No space left on device"):
        export_csv(load("xor"), "train", tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(cells: np.ndarray) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr("chainrule.data.export._lines", interrupt)
    with pytest.raises(KeyboardInterrupt):
        export_csv(load("xor"), "train", tmp_path / "a.csv")
    assert list(tmp_path.iterdir()) == []
