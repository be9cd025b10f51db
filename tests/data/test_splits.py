"""What is held out: of every class its share, groups as a whole, the test whatever the seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import chainrule as cr
from chainrule.data.splits import HoldOut, split
from chainrule.datasets import Dataset, load
from chainrule.errors import ArgumentError, DataError, UnknownNameError
from chainrule.types import Array


def counts(y: Array) -> list[int]:
    return np.bincount(y).tolist()


def test_every_class_gives_its_share() -> None:
    y = np.repeat([0, 1, 2], [100, 50, 10])
    x = np.arange(160)
    (x_train, y_train), (x_held_out, y_held_out) = split(x, y, 0.2, seed=3)
    assert len(y_held_out) == 32
    assert counts(y_held_out) in ([20, 10, 2], [21, 10, 1], [20, 11, 1])
    assert sorted([*x_train, *x_held_out]) == x.tolist()
    assert np.array_equal(y[x_train], y_train)
    assert np.array_equal(y[x_held_out], y_held_out)


@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    share=st.floats(0.05, 0.6),
    seed=st.integers(0, 1000),
)
def test_no_class_gives_more_or_less_than_its_share(
    sizes: list[int], share: float, seed: int
) -> None:
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    count = round(share * len(y))
    if not 0 < count <= len(y) - len(sizes):
        return
    (_, y_train), (_, y_held_out) = split(y, y, count, seed)
    assert len(y_held_out) == count
    assert min(counts(y_train)) >= 1  # one stays of every class
    spare = np.array(sizes) - 1
    expected = count * spare / spare.sum()
    held_out = np.bincount(y_held_out, minlength=len(sizes))
    assert np.all(np.floor(expected) <= held_out)
    assert np.all(held_out <= np.ceil(expected))


def test_over_many_seeds_every_example_is_held_out_alike() -> None:
    y = np.repeat(np.arange(10), 4)  # a tenth takes 4 of the 10 classes
    held_out = np.zeros(len(y))
    for seed in range(2000):
        held_out[split(np.arange(40), y, 0.1, seed)[1][0]] += 1
    assert np.abs(held_out / 2000 - 0.1).max() < 0.04  # six standard errors


def test_of_numbers_any_are_held_out() -> None:
    y = np.arange(10.0)
    (_, rest), (_, held_out) = split(y, y, 3)
    assert (len(rest), len(held_out)) == (7, 3)


def test_a_class_of_one_example_stays_in_training() -> None:
    y = np.array([0] * 20 + [1])
    for seed in range(20):
        assert counts(split(y, y, 0.5, seed)[0][1])[1] == 1


def test_a_group_stays_together_and_classes_keep_their_shares() -> None:
    groups = np.repeat(np.arange(20), 5)
    y = np.repeat([0, 1], 50)  # ten groups each
    (x_train, _), (x_held_out, y_held_out) = split(np.arange(100), y, 0.2, groups=groups)
    assert not {*groups[x_train]} & {*groups[x_held_out]}
    assert counts(y_held_out) == [10, 10]


def test_groups_of_words() -> None:
    groups = np.array(["ann", "bob", "ann", "cem"])
    (_, rest), (_, held_out) = split(groups, np.arange(4.0), 0.3, groups=groups)
    assert sorted([*rest, *held_out]) == [0, 1, 2, 3]
    assert 0 < len(held_out) < 4


@pytest.mark.parametrize("part", [0.0, 1.0, 0, 10, -1, 1.5])
def test_parts_that_cannot_be(part: float) -> None:
    with pytest.raises(ArgumentError, match=f"validation={part} would hold out"):
        split(np.arange(10), np.arange(10), part)


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(ArgumentError, match="would hold out all of 1 groups"):
        split(np.arange(10), np.arange(10), 0.2, groups=np.zeros(10))


def test_the_test_part_does_not_depend_on_the_seed() -> None:
    y = np.random.default_rng(0).integers(0, 3, 200)
    first, second = (HoldOut(0.1, 0.2, seed).rows(y) for seed in (0, 1))
    assert np.array_equal(first[2], second[2])
    assert not np.array_equal(first[1], second[1])
    for rest, validated, tested in (first, second):
        assert (len(rest), len(validated), len(tested)) == (144, 16, 40)
        assert sorted([*rest, *validated, *tested]) == list(range(200))


# --- of files -----------------------------------------------------------------------------


def table(path: Path, rows: Sequence[int], header: str = "a,who,label") -> Path:
    """A table in which a is the number of the row, and three rows in turn belong to one person."""
    order = header.split(",")
    cells = [{"a": str(i), "who": f"p{i // 3}", "label": ["no", "yes"][i % 2]} for i in rows]
    lines = [header, *(",".join(row[name] for name in order) for row in cells)]
    path.write_text("\n".join(lines) + "\n")
    return path


def original(dataset: Dataset, x: Array) -> list[int]:
    """The numbers in column a before they were standardized."""
    column = dataset.preparation.layout.columns[0]
    return np.round(x[:, 0] * column.deviation + column.mean).astype(int).tolist()


def test_three_parts_of_a_table(tmp_path: Path) -> None:
    path = table(tmp_path / "t.csv", range(90))
    dataset = load(path, validation=0.25, test=0.2, group_column="who", seed=5)
    parts = [original(dataset, x) for x in (dataset.x_train, dataset.x_validation, dataset.x_test)]
    assert [len(part) for part in parts] == [54, 18, 18]
    assert sorted(i for part in parts for i in part) == list(range(90))
    persons = [{i // 3 for i in part} for part in parts]
    assert sum(map(len, persons)) == 30  # nobody stands in two parts
    assert np.allclose(dataset.x_train.mean(axis=0), 0, atol=1e-6)  # learnt on this part alone
    assert np.abs(dataset.x_test.mean()) > 1e-3
    assert dataset.preparation.layout.features == ("a",)
    assert "left out, as it only says what stays together: `who`" in dataset.notes
    again = load(path, validation=0.25, test=0.2, group_column="who", seed=6)
    assert original(again, again.x_test) == parts[2]


def test_parts_in_files_of_their_own_are_matched_by_name(tmp_path: Path) -> None:
    train = table(tmp_path / "train.csv", range(30))
    later = table(tmp_path / "later.csv", range(100, 110), header="label,who,a")
    dataset = load(train, validation=later, test=str(later))
    assert original(dataset, dataset.x_validation) == list(range(100, 110))
    assert dataset.y_validation.tolist() == dataset.y_test.tolist() == [0, 1] * 5
    assert len(dataset.x_train) == 30
    assert f"{later}: the columns were put in the order of training, by their names" in (
        dataset.notes
    )


def test_images_are_held_out_and_read_from_other_folders(tmp_path: Path) -> None:
    for folder in ("train", "more"):
        for name in ("cat", "dog"):
            for i in range(5):
                file = tmp_path / folder / name / f"{i}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(np.full((4, 4), 40 * i, np.uint8)).save(file)
    dataset = load(tmp_path / "train", validation=0.4, test=tmp_path / "more")
    assert counts(dataset.y_train) == [3, 3]
    assert counts(dataset.y_validation) == [2, 2]
    assert dataset.x_test.shape == (10, 4, 4, 1)
    assert dataset.x_test.max() == np.float32(160 / 255)


def test_a_memory_mapped_array_is_held_out_without_being_read(tmp_path: Path) -> None:
    np.save(tmp_path / "x_train.npy", np.arange(40, dtype=np.float32).reshape(20, 2))
    np.save(tmp_path / "y_train.npy", np.arange(20) % 2)
    dataset = load(tmp_path, validation=0.2, test=0.2)
    assert not isinstance(dataset.x_validation, np.ndarray)
    assert np.asarray(dataset.x_validation).shape == (3, 2)
    assert len(dataset.x_test) == 4


BAD = {
    "a test part there is already": ({"source": "digits", "test": 0.2}, "has a test part of its"),
    "groups of a set": ({"source": "digits", "group_column": "who"}, "group_column=who is for tab"),
    "no such column": ({"group_column": "woh"}, "no column called 'woh'; did you mean 'who'"),
    "groups that are labels": ({"group_column": "label"}, "`label` is the label column: name anot"),
    "nothing left": ({"test": 1.0}, r"test=1.0 would hold out 30 of 30 examples: give a fraction"),
    "no such file": ({"test": "none.csv"}, "none.csv does not exist: check the path"),
    "no such set": ({"validation": "digts"}, "did you mean 'digits'"),
    "the training file": ({"test": "t.csv"}, "t.csv is what the network is trained on: for test"),
    "no labels": ({"validation": "bare.csv"}, "bare.csv has no labels, without which there is no"),
    "unknown labels": ({"test": "other.csv"}, "the label of example 0 is `maybe`; the classes are"),
    "another column": ({"test": "lacking.csv"}, "lacks columns that the network was trained on"),
    "a group is missing": (
        {"source": "gap.csv", "group_column": "who"},
        "line 3, column `who` h",
    ),
}


@pytest.mark.parametrize(("options", "message"), BAD.values(), ids=BAD.keys())
def test_parts_that_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, object], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    table(Path("t.csv"), range(30))
    table(Path("bare.csv"), range(30), header="a,who")
    table(Path("lacking.csv"), range(30), header="who,label")
    Path("other.csv").write_text("a,label,who\n1,maybe,p\n")
    Path("gap.csv").write_text("a,label,who\n1,no,p\n2,yes,\n3,no,q\n")
    with pytest.raises((ArgumentError, DataError, UnknownNameError), match=message):
        load(**{"source": "t.csv", **options})


def test_fit_holds_out_the_same_examples_as_load() -> None:
    data = load("digits", validation=0.1, seed=4)
    whole = load("digits")
    history = []
    for x, y, validation in (
        (data.x_train, data.y_train, (data.x_validation, data.y_validation)),
        (whole.x_train, whole.y_train, 0.1),
    ):
        net = cr.Network([cr.Flatten(), cr.Dense(10)], (8, 8, 1), seed=4)
        history.append(net.fit(x, y, epochs=1, validation=validation, quiet=True))
    assert history[0]["validation_loss"] == history[1]["validation_loss"]
