"""The EMNIST lab in a size of seconds: its files, its networks, and what it hands in."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import DataError
from chainrule.experiments.document import Attachment, Document, Picture, Table
from chainrule.experiments.recipes import read_recipe
from chainrule.labs import emnist
from chainrule.labs.emnist import files, networks, sample, training
from chainrule.labs.emnist.readings import Reading, best
from chainrule.labs.emnist.size import FULL, Size
from chainrule.labs.lab import Setting

SMALL = Size(400, 60, 100, 200, 1, 2, 200, 1, (networks.MLP, networks.CNN), seeds=2)


@pytest.fixture(scope="module")
def document(shared_data: Path) -> Document:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emnist, "show_by_hand", lambda *_: None)  # which test_adoption looks at
        return emnist.report(Setting(data_dir=shared_data), SMALL)


def test_the_sample_learns_from_pixels_that_are_not_scaled(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = Size(2_500, 10, 500)
    data = files.load_emnist(size, shared_data)
    cr.datasets.export_csv(data, "train", tmp_path / "train.csv")
    cr.datasets.export_csv(data, "test", tmp_path / "test.csv", labels=False)
    first, second = sample.run_sample(0, tmp_path, size)
    assert first.validation_accuracy < second.validation_accuracy
    assert second.validation_accuracy > 0.3
    assert second.loss < first.loss
    monkeypatch.setattr(sample, "WHITE", 1.0)
    *_, scaled = sample.run_sample(0, tmp_path, size)
    assert scaled.validation_accuracy < 0.15


def test_the_cnn_on_all_images_follows_the_recipe() -> None:
    options, variant = read_recipe("best"), networks.VARIANTS[networks.CNN_WHOLE]
    same = ("loss", "class_weights", "augment", "average", "schedule", "batch_size")
    assert [options[name] for name in same] == [getattr(variant, name) for name in same]
    assert (options["learning_rate"], options["epochs"]) == (variant.rate, FULL.whole_epochs)
    sizes = [
        layer.out_channels if isinstance(layer, cr.Conv2D) else layer.out_features
        for layer in variant.layers()
        if isinstance(layer, cr.Conv2D | cr.Dense)
    ]
    assert sizes == [*options["channels"], *options["hidden"], networks.CLASSES]
    normalized = any(isinstance(layer, cr.BatchNorm) for layer in variant.layers())
    assert normalized == options["batch_norm"]


def test_the_report_has_its_tables_and_pictures(document: Document) -> None:
    tables = [part for part in document.parts if isinstance(part, Table)]
    assert [len(table.rows) for table in tables] == [2, 2, 2, 2, 2, 4, 10, 2, 8]
    assert tables[0].rows[0][1] == "400"
    assert all(cell for row in tables[-1].rows for cell in row)
    pictures = [part.name for part in document.parts if isinstance(part, Picture)]
    assert pictures == ["curves", "mistakes"]


def test_the_file_to_hand_in_lies_beside_the_report(document: Document, tmp_path: Path) -> None:
    document.write(tmp_path)
    handed_in = (tmp_path / "predictions.csv").read_bytes()
    assert len(files.check_predictions(handed_in, 60)) == 60
    assert "[predictions.csv](predictions.csv): " in (tmp_path / "report.md").read_text()
    assert 'download="predictions.csv"' in (tmp_path / "report.html").read_text()


def test_the_test_part_has_no_say_in_what_is_handed_in(
    document: Document, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_other_labels(size: Size, data_dir: Path | None) -> cr.datasets.Dataset:
        data = files.load_emnist(size, data_dir)
        return replace(data, y_test=np.roll(np.asarray(data.y_test), 1))

    monkeypatch.setattr(emnist, "show_by_hand", lambda *_: None)
    monkeypatch.setattr(emnist, "load_emnist", with_other_labels)
    other = emnist.report(Setting(data_dir=shared_data), replace(SMALL, mnist=0))
    assert attached(document) == attached(other)
    assert closing(document)["Test accuracy, CNN"] != closing(other)["Test accuracy, CNN"]
    question = "Which improvement of the MLP gives most"
    assert closing(document)[question].split(":")[0] == closing(other)[question].split(":")[0]


def attached(document: Document) -> bytes:
    """What is handed in."""
    (file,) = (part for part in document.parts if isinstance(part, Attachment))
    return file.content


def closing(document: Document) -> dict[str, str]:
    """What was measured, in the table at the end."""
    table = document.parts[-1]
    assert isinstance(table, Table)
    return {row[0]: row[2] for row in table.rows}


def test_the_ensemble_that_is_best_in_validation_answers() -> None:
    alone = Reading("one CNN", [0.9, 0.8], np.zeros((2, 3)))
    as_it_is, views = (
        Reading(name, [share], np.zeros((1, 3))) for name, share in (("", 0.7), ("8 views", 0.8))
    )
    assert best([alone, as_it_is, views]) is views


def test_predictions_are_written_as_the_lab_asks() -> None:
    content = files.as_csv(np.array([46, 0]))
    assert content == b"Id,Category\n0,46\n1,0\n"
    np.testing.assert_array_equal(files.check_predictions(content, 2), [46, 0])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,label\n0,1\n1,2\n", "begin with Id,Category"),
        (b"", "begin with Id,Category"),
        (b"Id,Category\n0,1\n", "expected 2 predictions"),
        (b"Id,Category\n1,1\n0,2\n", "line 2 should begin with 0"),
        (b"Id,Category\n0,1\n1,2,3\n", "line 3 should begin with 1"),
        (b"Id,Category\n0,1.0\n1,2\n", "line 2: expected a class"),
        (b"Id,Category\n0,1\n1,47\n", "line 3: expected a class from 0 to 46"),
    ],
)
def test_predictions_that_cannot_be_handed_in(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        files.check_predictions(content, 2)


@pytest.mark.long
def test_the_cnn_beats_the_mlp_on_few_images(shared_data: Path, tmp_path: Path) -> None:
    size = Size(3_500, 500, 500, part=3_000, part_epochs=2)
    data = files.load_emnist(size, shared_data)
    cr.datasets.export_csv(data, "train", tmp_path / "train.csv")
    cr.datasets.export_csv(data, "test", tmp_path / "test.csv", labels=False)
    mlp, cnn = (
        training.run_once(name, 0, tmp_path, size, data.y_test)
        for name in (networks.MLP, networks.CNN)
    )
    assert cnn.test > mlp.test + 0.05
    assert cnn.validation > 0.6
