"""Examples of a later part that are trained on too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.data.repeats import Repeats, find_repeats
from chainrule.datasets import load
from chainrule.types import Array

ABOUT = "trained on too, value for value"


def write(path: Path, rows: list[str], header: str = "Id,a,colour,label") -> Path:
    path.write_text("\n".join([header, *rows]) + "\n")
    return path


def rows(first: int, count: int) -> list[str]:
    return [
        f"{i},{i * 1.37:.2f},{('red', 'blue')[i % 2]},{('no', 'yes')[i % 3 // 2]}"
        for i in range(first, first + count)
    ]


def told(notes: tuple[str, ...] | list[str]) -> list[str]:
    return [
        note for note in notes if "are trained on too" in note or "equal one of training" in note
    ]


def test_rows_of_the_test_file_that_are_trained_on(tmp_path: Path) -> None:
    """Whatever their ids, and the order of their columns."""
    train = write(tmp_path / "train.csv", rows(0, 60))
    copied = [f"{900 + n},{row.partition(',')[2]}" for n, row in enumerate(rows(10, 7))]
    swapped = [",".join(row.split(",")[::-1]) for row in [*copied, *rows(100, 23)]]
    test = write(tmp_path / "test.csv", swapped, "label,colour,a,Id")
    assert told(load(train, test=test).notes) == [
        "warning: 7 of the 30 test examples are trained on too, value for value: take them out of "
        "one part, for the network may know them by heart"
    ]
    write(test, rows(100, 30))
    assert not told(load(train, test=test).notes)


def test_the_same_inputs_with_another_label_are_another_example(tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", ["1,2.5,red,no", "2,3.5,blue,yes", "3,4.5,red,yes"])
    test = write(tmp_path / "test.csv", ["1,2.5,red,yes", "2,3.5,blue,no", "3,5.5,red,yes"])
    assert not told(load(train, test=test).notes)


def test_numbers_of_a_regression(tmp_path: Path) -> None:
    lines = [f"{i * 0.31:.2f},{1000 + i * i}" for i in range(50)]
    train = write(tmp_path / "train.csv", lines[:40], "a,price")
    test = write(tmp_path / "test.csv", lines[38:], "a,price")
    dataset = load(train, test=test, label_column="price")
    assert told(dataset.notes)[0].startswith(f"warning: 2 of the 12 test examples are {ABOUT}")


def test_parts_that_stand_in_one_file(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (40, 8, 8)).astype(np.uint8)
    arrays = {"x_train": x[:30], "x_test": x[25:], "y_train": np.arange(30) % 2}
    np.savez(tmp_path / "images.npz", **arrays, y_test=np.arange(25, 40) % 2)
    notes = load(tmp_path / "images.npz").notes
    assert told(notes)[0].startswith(f"warning: 5 of the 15 test examples are {ABOUT}")


def test_examples_that_are_equal_by_chance(tmp_path: Path) -> None:
    """Of few different ones, those of training equal one another too: no warning says it."""
    lines = [f"{i},{i % 4},red,{('no', 'yes')[i % 2]}" for i in range(60)]
    train, test = write(tmp_path / "train.csv", lines[:40]), write(tmp_path / "t.csv", lines[40:])
    assert told(load(train, test=test).notes) == [
        "20 of the 20 test examples equal one of training: no more than chance, since 100 % of the "
        "training examples equal another"
    ]


def test_sets_that_are_known_by_name_are_as_they_are(tmp_path: Path) -> None:
    """They are not compared with their own test part, but with a file."""
    moons = load("moons", samples=50)
    cr.datasets.export_csv(moons, "train", tmp_path / "some.csv")
    assert not told(load("xor").notes)
    notes = load("moons", samples=50, test=tmp_path / "some.csv").notes
    assert told(notes)[0].startswith("warning: 50 of the 50 test examples")


def points(seed: int, count: int = 40) -> Array:
    return np.random.default_rng(seed).normal(size=(count, 2))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_fit_warns_of_what_it_is_validated_on(
    kind: type, capsys: pytest.CaptureFixture[str]
) -> None:
    x, y = points(0).astype(kind), np.arange(40) % 2
    later = np.concatenate([x[:9], points(1, 11).astype(kind)])
    validation = (later, np.r_[y[:9], np.zeros(11, int)])
    net = cr.Network([cr.Dense(2)], 2, dtype="float64", engine="numpy")
    history = net.fit(x, y, validation=validation, epochs=1)
    warning = (
        "9 of the 20 validation examples are trained on too, value for value: take them out of one "
        "part, for the network may know them by heart"
    )
    assert warning in history.warnings
    assert f"warning: {warning}" in capsys.readouterr().out
    history = net.fit(x, y, validation=validation, epochs=1, warm_start=True, quiet=True)
    assert history.warnings.count(warning) == 1
    history = net.fit(x, y, validation=(points(1), y), epochs=1, quiet=True)
    assert not told(history.warnings)


def test_points_that_are_drawn_are_not_compared() -> None:
    x, y = points(0), np.arange(40) % 2
    net = cr.Network([cr.Dense(2)], 2, engine="numpy")
    history = net.fit(lambda epoch: (x, y), validation=(x, y), epochs=1, quiet=True)
    assert not told(history.warnings)


def test_what_counts_as_equal() -> None:
    """0 has no sign; rows of the same numbers in another order are others, with the same sum."""
    x, y = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]), np.zeros(3)
    later = np.array([[-0.0, 1.0], [3.0, 2.0], [4.0, 5.0000001]])
    assert find_repeats(x, y, later, np.zeros(3)) == Repeats(1, 3, 0.0)


def test_arrays_that_are_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(4000, dtype=np.int32).reshape(1000, 4))
    stored = np.load(tmp_path / "x.npy", mmap_mode="r")
    y = np.arange(1000) % 2
    assert find_repeats(stored, y, stored[990:], y[990:]) == Repeats(10, 10, 0.0)
    both = np.concatenate([stored, stored[:5]])
    assert find_repeats(both, np.r_[y, y[:5]], stored[:1], y[:1]) == Repeats(1, 1, 10 / 1005)
