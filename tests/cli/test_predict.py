"""`chainrule evaluate`, `predict` and `summary`, on a run trained once."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from tests.cli.conftest import Command
from tests.experiments.runs import train

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short run on digits, which classes most of them rightly."""
    return train(tmp_path_factory.mktemp("digits") / "run", data="digits", epochs=8).path


@pytest.fixture
def run(chainrule: Command, finished: Path) -> Path:
    """A copy of it, in the folder in which commands run."""
    return Path(shutil.copytree(finished, "run"))


def read(path: str) -> list[list[str]]:
    with Path(path).open(newline="") as file:
        return list(csv.reader(file))


def test_evaluate_takes_the_runs_own_test_part(chainrule: Command, run: Path) -> None:
    answer = chainrule("evaluate", run)
    assert answer.code == 0
    assert answer.out.startswith("digits, 360 examples: loss ")
    assert answer.out == chainrule("evaluate", run, "digits").out


def test_predictions_are_numbered_whole_classes_in_order(chainrule: Command, run: Path) -> None:
    assert chainrule("predict", run, "digits", "--out", "p.csv").code == 0
    header, *rows = read("p.csv")
    digits = cr.datasets.load("digits")
    classes = cr.load("run/model.safetensors").predict(digits.x_test).argmax(axis=1)
    assert header == ["Id", "Category"]
    assert rows == [[str(number), str(label)] for number, label in enumerate(classes)]


def test_without_a_file_the_same_is_printed(chainrule: Command, run: Path) -> None:
    printed = chainrule("predict", run, "digits")
    assert (printed.code, printed.err) == (0, "")
    assert chainrule("predict", run, "digits", "--out", "p.csv").code == 0
    assert printed.out == Path("p.csv").read_text()


def test_the_header_is_the_users(chainrule: Command, run: Path) -> None:
    options = ("--id-column", "ImageId", "--label-column", "Label")
    chainrule("predict", run, "digits", "--out", "p.csv", *options)
    assert read("p.csv")[0] == ["ImageId", "Label"]


def test_probabilities_are_one_for_each_class(chainrule: Command, run: Path) -> None:
    chainrule("predict", run, "digits", "--out", "p.csv", "--proba")
    header, *rows = read("p.csv")
    assert header == ["Id", *map(str, range(10))]
    values = np.array(rows, dtype=float)[:, 1:]
    assert np.allclose(values.sum(axis=1), 1, atol=1e-5)


def test_a_table_without_labels_is_predicted_as_the_data_was(chainrule: Command, run: Path) -> None:
    export = ("data", "export", "digits", "--part", "test", "--csv")
    assert chainrule(*export, "test.csv", "--no-labels").code == 0
    assert chainrule(*export, "labelled.csv").code == 0
    for source in ("digits", "test.csv", "labelled.csv"):
        assert chainrule("predict", run, source, "--out", f"{source}.p").code == 0
    assert read("digits.p") == read("test.csv.p") == read("labelled.csv.p")
    accuracies = [
        chainrule("evaluate", run, d).out.split("accuracy")[1] for d in ("digits", "labelled.csv")
    ]
    assert accuracies[0] == accuracies[1]


def test_the_model_alone_takes_raw_pixels_as_the_run_does(chainrule: Command, run: Path) -> None:
    chainrule("data", "export", "digits", "--part", "test", "--csv", "x.csv", "--no-labels")
    chainrule("predict", run, "x.csv", "--out", "p.csv")
    raw = np.loadtxt("x.csv", np.uint8, delimiter=",", skiprows=1)
    model = cr.load(run / "model.safetensors")
    assert model.preparation is not None
    assert model.preparation.class_names == tuple("0123456789")
    assert [row[1] for row in read("p.csv")[1:]] == [
        str(number) for number in model.predict(raw).argmax(axis=1)
    ]


def test_a_run_whose_model_has_no_preparation_is_refused(chainrule: Command, run: Path) -> None:
    model = cr.load(run / "model.safetensors")
    model.preparation = None
    model.save(run / "model.safetensors")
    answer = chainrule("evaluate", run)
    assert answer.code == 2
    assert "does not say how its inputs are prepared" in answer.err


def test_evaluate_without_labels_says_what_to_do(chainrule: Command, run: Path) -> None:
    chainrule("data", "export", "digits", "--part", "test", "--csv", "x.csv", "--no-labels")
    answer = chainrule("evaluate", run, "x.csv")
    assert answer.code == 2
    assert "has no labels" in answer.err
    assert "chainrule predict" in answer.err


def test_a_file_is_not_replaced_unless_told(chainrule: Command, run: Path) -> None:
    Path("p.csv").write_text("mine")
    answer = chainrule("predict", run, "digits", "--out", "p.csv")
    assert answer.code == 2
    assert "p.csv already exists" in answer.err
    assert Path("p.csv").read_text() == "mine"
    assert chainrule("predict", run, "digits", "--out", "p.csv", "--force").code == 0


def test_regression_predicts_numbers(chainrule: Command) -> None:
    chainrule("train", "sine", "--epochs", 2, "--out", "run")
    assert chainrule("predict", "run", "sine", "--out", "p.csv").code == 0
    predicted = cr.load("run/model.safetensors").predict(cr.datasets.load("sine").x_test)[:, 0]
    cells = [row[1] for row in read("p.csv")[1:]]
    np.testing.assert_array_equal(np.array(cells, np.float32), predicted)
    assert max(map(len, cells)) <= 15  # as float64 they would have 18 and more


@pytest.mark.parametrize("loss", ["mean_squared_error", "hinge"])
def test_outputs_that_are_no_probabilities_are_not_called_so(chainrule: Command, loss: str) -> None:
    chainrule("train", "linear", "--loss", loss, "--epochs", 1, "--out", "run")
    answer = chainrule("predict", "run", "linear", "--out", "p.csv", "--proba")
    assert answer.code == 2
    assert "are not probabilities" in answer.err
    assert not Path("p.csv").exists()


def test_probabilities_of_a_network_that_ends_in_sigmoid(chainrule: Command) -> None:
    Path("net.toml").write_text(
        'layers = ["dense(4)", "tanh", "dense(1)", "sigmoid"]\n', encoding="utf-8"
    )
    settings = ("--model", "net.toml", "--loss", "mean_squared_error", "--epochs", 1)
    answer = chainrule("train", "linear", *settings, "--out", "run")
    assert answer.code == 0, answer.err
    answer = chainrule("predict", "run", "linear", "--out", "p.csv", "--proba")
    assert answer.code == 0, answer.err
    header, *rows = read("p.csv")
    assert len(header) == 3
    assert all(float(no) + float(yes) == pytest.approx(1) for _, no, yes in rows)


def test_summary_of_a_run_and_of_its_model_are_one(chainrule: Command, run: Path) -> None:
    answer = chainrule("summary", run)
    assert "9,610 parameters" in answer.out
    assert chainrule("summary", run / "model.safetensors").out == answer.out


@pytest.mark.parametrize("missing", ["config.toml", "model.safetensors", "summary.json"])
def test_an_incomplete_run_folder_is_named(chainrule: Command, run: Path, missing: str) -> None:
    (run / missing).unlink()
    answer = chainrule("evaluate", run)
    assert answer.code == 2
    assert missing in answer.err


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b"not a model"),
        ("summary.json", b"{}"),
        ("summary.json", b"{"),
        ("config.toml", b"epochs = "),
        ("config.toml", b"epochs = 0"),
    ],
)
def test_a_damaged_run_folder_is_one_message(
    chainrule: Command, run: Path, file: str, content: bytes
) -> None:
    (run / file).write_bytes(content)
    answer = chainrule("evaluate", run)
    assert answer.code == 2
    assert len(answer.err.splitlines()) == 1
    shutil.rmtree(run)


def test_labels_stand_where_they_stood_in_training(chainrule: Command) -> None:
    rows = [f"{i % 2},{(i // 2) % 2},{i % 2}" for i in range(40)]  # the label is the last column
    Path("points.csv").write_text("a,b,kind\n" + "\n".join(rows) + "\n")
    options = ("--label-column", "kind", "--epochs", 60, "--batch-size", 4)
    chainrule("train", "points.csv", *options, "--learning-rate", 0.02, "--out", "run")
    assert "100.00 %" in chainrule("evaluate", "run", "points.csv").out
    assert chainrule("predict", "run", "points.csv", "--out", "p.csv").code == 0
    assert [row[1] for row in read("p.csv")[1:]] == [row[-1] for row in rows]


def test_evaluate_says_when_there_is_no_test_part(chainrule: Command) -> None:
    Path("points.csv").write_text("\n".join(f"{i % 2},{i % 2},0.5" for i in range(20)))
    chainrule("train", "points.csv", "--label-column", 0, "--epochs", 1, "--out", "run")
    assert "what it was trained on" in chainrule("evaluate", "run").out
