"""Tables of the user's own, from the file to the predictions: what once gave wrong answers that
looked right, and what is said on the way."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_diabetes

import chainrule as cr
from tests.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def rows() -> list[list[str]]:
    """Two features, of which the first tells the two classes apart."""
    rng = np.random.default_rng(0)
    kinds = rng.integers(2, size=300)
    return [[f"{4 * c + rng.normal():.2f}", f"{rng.normal():.2f}", str(c)] for c in kinds]


def write(name: str, header: list[str], rows: list[list[str]]) -> str:
    with Path(name).open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    return name


def read(name: str) -> list[list[str]]:
    with Path(name).open(newline="") as file:
        return list(csv.reader(file))


def accuracy(chainrule: Command, *arguments: str) -> float:
    answer = chainrule("evaluate", *arguments)
    assert answer.code == 0, answer.err
    return float(answer.out.split("accuracy ")[1].split(" %")[0])


def test_columns_in_another_order_are_put_right(chainrule: Command, rows: list[list[str]]) -> None:
    train = write("train.csv", ["sl", "sw", "species"], rows)
    options = ("--label-column", "species", "--epochs", 30, "--out", "run")
    answer = chainrule("train", train, *options)
    assert "2 columns of numbers (standardized), label `species`: 0, 1" in answer.out.splitlines()
    right = accuracy(chainrule, "run", train)
    assert right > 95
    reordered = write("reordered.csv", ["sw", "sl", "species"], [[b, a, c] for a, b, c in rows])
    assert accuracy(chainrule, "run", reordered) == right
    assert (
        "the columns were put in the order of training"
        in chainrule("evaluate", "run", reordered).err
    )


def test_an_id_is_no_feature_and_names_the_predictions(
    chainrule: Command, rows: list[list[str]]
) -> None:
    train = write("train.csv", ["sl", "sw", "species"], rows)
    chainrule("train", train, "--label-column", -1, "--epochs", 30, "--out", "run")
    numbered = [[str(900 + i), a, b] for i, (a, b, _) in enumerate(rows)]
    test = write("test.csv", ["PassengerId", "sl", "sw"], numbered)
    assert chainrule("predict", "run", test, "--out", "p.csv").code == 0
    header, *predicted = read("p.csv")
    assert header == ["PassengerId", "species"]
    assert [row[0] for row in predicted] == [row[0] for row in numbered]
    agreed = [ours == row[2] for (_, ours), row in zip(predicted, rows, strict=True)]
    assert np.mean(agreed) > 0.95
    options = ("--id-column", "Id", "--label-column", "Kind", "--first-id", 1, "--force")
    chainrule("predict", "run", test, "--out", "p.csv", *options)
    assert [row[0] for row in read("p.csv")[:3]] == ["Id", "1", "2"]
    assert read("p.csv")[0][1] == "Kind"


def test_the_index_that_pandas_writes_is_no_label(
    chainrule: Command, rows: list[list[str]]
) -> None:
    indexed = write(
        "index.csv",
        ["", "sl", "sw", "species"],
        [[str(i), *row] for i, row in enumerate(rows)],
    )
    answer = chainrule("train", indexed, "--epochs", 30, "--out", "run")
    assert answer.code == 0, answer.err
    assert "2 classes" in answer.out
    assert "left out, as it only numbers the examples: the column without a name" in answer.out
    assert accuracy(chainrule, "run", indexed) > 95


def test_words_go_in_and_come_out(chainrule: Command, rows: list[list[str]]) -> None:
    worded = [[a, "low" if float(b) < 0 else "high", "setosa" if c == "0" else "virginica"]
              for a, b, c in rows]  # fmt: skip
    train = write("iris.csv", ["length", "width", "species"], worded)
    answer = chainrule("train", train, "--epochs", 30, "--out", "run")
    assert (
        "1 column of numbers (standardized), 1 column of words (2 categories), label `species`: "
        "setosa, virginica" in answer.out
    )
    chainrule("predict", "run", train, "--out", "p.csv")
    header, *predicted = read("p.csv")
    assert header == ["Id", "species"]
    right = [row[1] == known[2] for row, known in zip(predicted, worded, strict=True)]
    assert np.mean(right) > 0.95
    chainrule("predict", "run", train, "--out", "p.csv", "--proba", "--force")
    assert read("p.csv")[0] == ["Id", "setosa", "virginica"]
    chainrule("predict", "run", train, "--out", "p.csv", "--numbers", "--force")
    assert {row[1] for row in read("p.csv")[1:]} == {"0", "1"}
    Path("names.txt").write_text("Setosa\nVirginica\n")
    chainrule("predict", "run", train, "--out", "p.csv", "--class-names", "names.txt", "--force")
    assert {row[1] for row in read("p.csv")[1:]} == {"Setosa", "Virginica"}
    Path("names.txt").write_text("Setosa\n")
    options = ("--class-names", "names.txt", "--force")
    answer = chainrule("predict", "run", train, "--out", "p.csv", *options)
    assert answer.code == 2
    assert "has 1 line of text, but the network knows 2 classes" in answer.err


def test_without_a_clear_label_the_command_asks(chainrule: Command) -> None:
    rows = [[str(i), str(i % 2), str(3 * i)] for i in range(30)]
    answer = chainrule("train", write("diabetes.csv", ["age", "sex", "progress"], rows))
    assert answer.code == 2
    assert len(answer.err.splitlines()) == 1
    assert "--label-column" in answer.err
    assert "the columns are `age`, `sex`, `progress`" in answer.err
    assert not Path("runs").exists()


def test_a_target_of_many_numbers_is_predicted_as_a_number(chainrule: Command) -> None:
    rng = np.random.default_rng(0)
    ages, sizes = rng.integers(18, 80, 400), rng.normal(size=400)
    rows = [[str(a), f"{1000 + 300 * s:.1f}", str(round(a / 2 + 20 * s))]
            for a, s in zip(ages.tolist(), sizes.tolist(), strict=True)]  # fmt: skip
    table = write("t.csv", ["age", "size", "progress"], rows)
    options = ("--label-column", "progress", "--epochs", 60, "--learning-rate", 0.01)
    answer = chainrule("train", table, *options, "--out", "run")
    assert answer.code == 0, answer.err
    assert "target `progress`" in answer.out
    assert "so it is predicted as a number (regression)" in answer.out
    evaluated = chainrule("evaluate", "run", table).out
    assert float(evaluated.split("r2 ")[1]) > 0.9
    chainrule("predict", "run", table, "--out", "p.csv")
    assert read("p.csv")[0] == ["Id", "progress"]
    for option in ("--numbers", "--class-names=names.txt"):
        answer = chainrule("predict", "run", table, "--out", "q.csv", option)
        assert answer.code == 2
        assert "predicts numbers" in answer.err


def test_folders_called_by_numbers_predict_these(chainrule: Command) -> None:
    pixels = np.random.default_rng(0)
    for name in ("1", "2", "10"):
        Path("n", name).mkdir(parents=True)
        for number in range(30):
            grey = pixels.random((8, 8)) * 40 + int(name) * 20
            Image.fromarray(grey.astype(np.uint8)).save(Path("n", name, f"{number}.png"))
    chainrule("train", "./n", "--epochs", 100, "--learning-rate", 0.01, "--out", "run")
    assert chainrule("predict", "run", "./n", "--out", "p.csv").code == 0
    header, *rows = read("p.csv")
    assert header == ["Id", "Category"]
    assert {row[1] for row in rows} == {"1", "2", "10"}
    assert np.mean([row[0].split("/")[0] == row[1] for row in rows]) > 0.9


def test_photographs_of_all_kinds_go_in(chainrule: Command) -> None:
    for number in range(12):
        size, mode = ((9, 12), "RGB") if number % 3 else ((20, 10), "L")
        grey = 250 * (number % 2)
        Path("photos", "ab"[number % 2]).mkdir(parents=True, exist_ok=True)
        image = Image.new(mode, size, grey if mode == "L" else (grey,) * 3)
        image.save(Path("photos", "ab"[number % 2], f"{number}.png"))
    answer = chainrule("train", "./photos", "--out", "run")
    assert answer.code == 2
    assert "--image-size" in answer.err
    options = ("--image-size", "8x8", "--grayscale", "--epochs", 20, "--out", "run")
    assert chainrule("train", "./photos", *options).code == 0
    assert accuracy(chainrule, "run", "./photos") == 100


def test_a_header_of_numbers_hides_no_pixels(chainrule: Command) -> None:
    digits = cr.datasets.load("digits")
    x = np.rint(digits.x_train[:200].reshape(200, -1) * 255).astype(int)
    rows = np.column_stack([digits.y_train[:200], x]).astype(str).tolist()
    dataset = cr.datasets.load(write("m.csv", [str(i) for i in range(65)], rows))
    assert dataset.x_train.shape == (200, 8, 8, 1)
    assert dataset.x_train.max() == 1
    assert dataset.preparation.scale == 255
    assert np.array_equal(dataset.y_train, digits.y_train[:200])


def test_a_model_takes_raw_rows(chainrule: Command, rows: list[list[str]]) -> None:
    train = write("train.csv", ["sl", "sw", "species"], rows)
    chainrule("train", train, "--epochs", 5, "--out", "run")
    chainrule("predict", "run", train, "--out", "p.csv", "--proba")
    model = cr.load("run/model.safetensors")
    assert model.preparation is not None
    x = np.array([row[:2] for row in rows], float)
    outputs = model.predict(model.preparation.apply(x))
    assert model.loss is not None
    expected = np.array([row[1:] for row in read("p.csv")[1:]], float)
    assert np.allclose(model.loss.probabilities(outputs), expected, atol=1e-6)


@pytest.mark.parametrize("command", ["evaluate", "predict"])
def test_a_missing_column_is_one_message(
    chainrule: Command, rows: list[list[str]], command: str
) -> None:
    chainrule("train", write("train.csv", ["sl", "sw", "label"], rows), "--epochs", 1,
              "--out", "run")  # fmt: skip
    other = write("other.csv", ["sl", "label"], [[a, c] for a, _, c in rows])
    answer = chainrule(command, "run", other, *(["--out", "p.csv"] * (command == "predict")))
    assert answer.code == 2
    assert answer.err.splitlines()[-1].endswith(
        "lacks columns that the network was trained on: `sw`; it has `sl`, `label`"
    )
    assert not Path("p.csv").exists()


def test_a_run_folder_works_from_anywhere(
    chainrule: Command, rows: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("data").mkdir()
    train = write("data/train.csv", ["sl", "sw", "label"], rows)
    chainrule("train", train, "--epochs", 1, "--out", "runs/first")
    expected = accuracy(chainrule, "runs/first")
    Path("elsewhere").mkdir()
    monkeypatch.chdir("elsewhere")
    assert accuracy(chainrule, "../runs/first") == expected


def test_a_regression_learns_whatever_the_unit_of_its_targets(chainrule: Command) -> None:
    frame = load_diabetes(as_frame=True).frame.sample(frac=1, random_state=0)
    frame[:300].to_csv("train.csv", index=False)
    frame[300:].to_csv("test.csv", index=False)
    answer = chainrule("train", "train.csv", "--out", "run")
    target = frame["target"][:300]
    said = f"mean {target.mean():.4g}, standard deviation {target.std(ddof=0):.4g}"
    expected = f"10 columns of numbers (standardized), target `target` standardized ({said})"
    assert expected in answer.out
    assert "warning: R²" not in answer.out
    evaluated = chainrule("evaluate", "run", "test.csv").out
    assert float(evaluated.split("r2 ")[1]) > 0.35
    error = float(evaluated.split("root mean squared error ")[1].split()[0])
    chainrule("predict", "run", "test.csv", "--out", "predictions.csv")
    predicted = np.array([float(row[1]) for row in read("predictions.csv")[1:]])
    true = frame["target"][300:].to_numpy()
    assert error == pytest.approx(np.sqrt(np.mean((predicted - true) ** 2)), rel=1e-3)


def test_numbers_that_nothing_is_known_about_are_warned_of(chainrule: Command) -> None:
    rng = np.random.default_rng(0)
    rows = [[*map(str, rng.standard_normal(6)), str(1000 + 50 * rng.normal())] for _ in range(600)]
    train = write("noise.csv", [*"abcdef", "target"], rows)
    answer = chainrule("train", train, "--out", "run")
    assert "warning: R² on the validation data is -" in answer.out
    assert "no better than predicting the mean of the targets" in answer.out


def test_what_is_missing_may_tell_the_classes_apart(chainrule: Command) -> None:
    """Gaps in a column of words and in one of numbers, to the predictions and from a notebook."""
    rows = [[str(n % 7), "", "", "a"] if n % 2 else [str(n % 7), "5", "x", "b"] for n in range(60)]
    rows += [["3", "4", "y", "b"]]
    train = write("train.csv", ["size", "worth", "kind", "label"], rows)
    options = ("--epochs", 40, "--engine", "numpy", "--quiet")
    assert chainrule("train", train, "--flag-missing", "--out", "run", *options).code == 0
    assert accuracy(chainrule, "run", train) > 95
    assert cr.load("run/model.safetensors").input_shape == (1 + 2 + 3,)
    test = write("test.csv", ["kind", "size", "worth"], [["", "3", ""], ["x", "3", "5"]])
    answer = chainrule("predict", "run", test, "--out", "p.csv")
    assert "`worth`: 1 missing, filled with the median, 5, and flagged" in answer.err
    assert read("p.csv")[1:] == [["0", "a"], ["1", "b"]]
    chainrule("export-notebook", "run", "--out", "run.ipynb")
    assert "flag_missing=True" in Path("run.ipynb").read_text()
    answer = chainrule("train", "digits", "--flag-missing")
    assert answer.code == 2
    assert "flag_missing is for the columns of a table, which digits is not" in answer.err


def test_a_later_table_in_another_unit_is_warned_of(
    chainrule: Command, rows: list[list[str]]
) -> None:
    header = ["sl", "sw", "species"]
    train = write("train.csv", header, rows)
    options = ("--epochs", 1, "--engine", "numpy", "--quiet")
    chainrule("train", train, "--label-column", "species", "--out", "run", *options)
    assert "warning" not in chainrule("evaluate", "run", train).err
    later = [[str(float(a) * 100 + 2000), b, c] for a, b, c in rows[:40]]
    write("later.csv", header, later)
    for command, *more in (("evaluate",), ("predict", "--out", "p.csv")):
        answer = chainrule(command, "run", "later.csv", *more)
        warnings = [line for line in answer.err.splitlines() if "far from the training" in line]
        assert len(warnings) == 1
        assert "`sl`" in warnings[0]
        assert "`sw`" not in warnings[0]


def test_weights_decay_where_columns_are_no_pixels(
    chainrule: Command, rows: list[list[str]]
) -> None:
    table = write("train.csv", ["sl", "sw", "species"], rows)
    images = [[f"{i % 2}", *map(str, range(0, 256, 4))] for i in range(20)]
    pixels = write("pixels.csv", ["label", *(f"pixel{i}" for i in range(64))], images)

    def says_so(*arguments: object) -> bool:
        answer = chainrule("train", *arguments, "--epochs", 1, "--out", f"run{len(arguments)}")
        assert answer.code == 0, answer.err
        return "weight decay 0.1," in answer.out

    assert says_so(table)
    assert not says_so(table, "--weight-decay", 0)
    assert not says_so(pixels, "--hidden", 4, "--no-bias")
