"""Tables from file to network: what each column becomes, and how later files are matched."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from chainrule.data.preparation import Preparation
from chainrule.data.tables.layout import Layout
from chainrule.datasets import Dataset, Inputs, load, load_inputs, split
from chainrule.errors import ArgumentError, DataError

PENGUINS = """Id,bill,island,sex,species
1,39.5,Dream,male,Adelie
2,,Biscoe,female,Gentoo
3,46.5,Dream,,Adelie
4,50.0,Torgersen,male,Chinstrap
5,44.5,Biscoe,male,Gentoo
6,41.0,Dream,female,Chinstrap
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.fixture
def penguins(tmp_path: Path) -> Dataset:
    return load(write(tmp_path / "penguins.csv", PENGUINS))


def later(penguins: Dataset, text: str) -> Inputs:
    """Another file for the network that was trained on the penguins."""
    path = Path(penguins.source).with_name("later.csv")
    return load_inputs(write(path, text), penguins.preparation)


def test_words_are_classes_and_categories(penguins: Dataset) -> None:
    assert penguins.class_names == ("Adelie", "Chinstrap", "Gentoo")
    assert penguins.y_train.tolist() == [0, 2, 0, 1, 2, 1]
    bill = np.array([39.5, 44.5, 46.5, 50.0, 44.5, 41.0])  # the median for the missing one
    assert np.allclose(penguins.x_train[:, 0], (bill - bill.mean()) / bill.std())
    dream, male = [0, 1, 0], [0, 1]
    assert penguins.x_train[0, 1:].tolist() == [*dream, *male]
    assert penguins.x_train[2, 1:].tolist() == [*dream, *male]  # the most frequent one
    assert penguins.x_train.dtype == np.float32


def test_what_was_done_is_said(penguins: Dataset) -> None:
    assert penguins.preparation.describe() == (
        "1 column of numbers (standardized), 2 columns of words (3, 2 categories), "
        "label `species`: Adelie, Chinstrap, Gentoo"
    )
    assert penguins.notes == (
        "left out, as it only numbers the examples: `Id`",
        "`bill`: 1 missing, filled with the median, 44.5",
        "`sex`: 1 missing, filled with the most frequent, male",
    )


def test_missing_values_are_flagged_where_asked(tmp_path: Path) -> None:
    path = write(tmp_path / "penguins.csv", PENGUINS)
    plain, flagged = load(path), load(path, flag_missing=True)
    assert flagged.preparation.describe().startswith(
        "1 column of numbers (standardized), 2 columns of words (3, 2 categories), "
        "2 flags of missing values, label"
    )
    assert flagged.notes[1:] == (
        "`bill`: 1 missing, filled with the median, 44.5, and flagged",
        "`sex`: 1 missing, filled with the most frequent, male, and flagged",
    )
    assert np.array_equal(np.delete(flagged.x_train, [1, 7], axis=1), plain.x_train)
    assert flagged.x_train[:, 1].tolist() == [0, 1, 0, 0, 0, 0]
    assert flagged.x_train[:, 7].tolist() == [0, 0, 1, 0, 0, 0]
    inputs = later(flagged, "bill,island,sex\n41,,female\n,Dream,\n")
    assert inputs.x[:, 1].tolist() == [0, 1]  # of `bill`
    assert inputs.x[0, 2:5].tolist() == [0, 1, 0]  # training lacked no `island`: it has no flag
    assert inputs.x[:, 7].tolist() == [0, 1]  # of `sex`
    stored = json.loads(json.dumps(flagged.preparation.as_plain()))
    assert Preparation.from_plain(stored) == flagged.preparation


def test_flags_of_numbers_alone(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b,label\n1,,0\n2,5,1\n3,7,1\n")
    dataset = load(path, flag_missing=True)
    assert dataset.x_train[:, 2].tolist() == [1, 0, 0]
    complete = later(dataset, "a,b\n1,6\n2,6\n")  # no value is missing here
    assert complete.x.shape == (2, 3)
    assert complete.x[:, 2].tolist() == [0, 0]
    raw = dataset.preparation.apply(np.array([[1, np.nan], [2, 5]]))
    assert np.array_equal(raw, dataset.x_train[:2])


def test_nothing_is_flagged_for_what_only_the_held_out_part_lacks(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,label\n" + "".join(f"{i},{i % 2}\n" for i in range(20)))
    said = "no value is missing in the training part, so nothing is flagged"
    assert load(path, flag_missing=True).notes == (said,)
    classes = np.arange(20) % 2
    _, (held_out, _) = split(np.arange(20), classes, 1, seed=0)
    lines = path.read_text().splitlines()
    lines[1 + int(held_out[0])] = ",1"
    dataset = load(write(path, "\n".join(lines)), flag_missing=True, validation=1)
    assert dataset.x_train.shape == (19, 1)
    assert said in dataset.notes


def test_flags_are_for_tables(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", x=np.zeros((3, 2)), y=np.arange(3))
    for source in (tmp_path / "x.npz", "digits", "moons"):
        with pytest.raises(ArgumentError, match="flag_missing is for the columns of a table"):
            load(source, flag_missing=True)


def test_statistics_are_learnt_without_what_is_held_out(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(5, 3, (40, 2))
    lines = [f"{a},{b},{i % 2}" for i, (a, b) in enumerate(x.tolist())]
    path = write(tmp_path / "t.csv", "a,b,label\n" + "\n".join(lines))
    dataset = load(path, validation=0.25, seed=7)
    assert np.allclose(dataset.x_train.mean(axis=0), 0, atol=1e-6)
    assert np.allclose(dataset.x_train.std(axis=0), 1, atol=1e-6)
    assert np.abs(dataset.x_validation.mean(axis=0)).max() > 1e-3


def test_columns_are_matched_by_name(penguins: Dataset) -> None:
    inputs = later(penguins, "sex,extra,species,bill,island,Id\nfemale,1,Gentoo,44.5,Biscoe,b7\n")
    expected = later(penguins, "Id,bill,island,sex,species\nb7,44.5,Biscoe,female,Gentoo\n")
    assert np.array_equal(inputs.x, expected.x)
    assert inputs.y is not None
    assert inputs.y.tolist() == [2]
    assert inputs.ids == expected.ids == ("b7",)
    assert inputs.id_name == "Id"
    assert inputs.notes == (
        "the columns were put in the order of training, by their names",
        "left out, as training did not have it: `extra`",
    )
    assert expected.notes == ()


def test_the_label_may_be_missing_later_and_a_feature_may_not(penguins: Dataset) -> None:
    assert later(penguins, "bill,island,sex\n1,Dream,male\n").y is None
    with pytest.raises(
        DataError, match="lacks columns that the network was trained on: `island`, `sex`; it has"
    ):
        later(penguins, "bill,species\n1,Adelie\n")


def test_without_a_header_columns_are_taken_in_their_order(penguins: Dataset) -> None:
    expected = later(penguins, "bill,island,sex\n44.5,Biscoe,female\n").x
    for line in ("44.5,Biscoe,female", "9,44.5,Biscoe,female,Gentoo"):
        inputs = later(penguins, line)
        assert np.array_equal(inputs.x, expected), line
        assert (inputs.y is None) == ("Gentoo" not in line)
    with pytest.raises(DataError, match="has 2 columns, but the network takes 3 features"):
        later(penguins, "44.5,Biscoe")
    with pytest.raises(DataError, match=r"4 columns may be `Id`, .*`sex`; or `bill`, .*a header"):
        later(penguins, "44.5,Biscoe,female,Gentoo")


def test_values_that_training_did_not_have(penguins: Dataset) -> None:
    inputs = later(penguins, "bill,island,sex\n44.5,Mars,male\n,Dream,\n")
    assert inputs.x[0, 1:4].tolist() == [0, 0, 0]
    assert inputs.notes == (
        "`bill`: 1 missing, filled with the median, 44.5",
        "`island`: 1 example with values that training did not have (`Mars`), none of its "
        "categories",
        "`sex`: 1 missing, filled with the most frequent, male",
    )
    with pytest.raises(DataError, match="line 2, column `bill` holds 'big', but `bill` was a"):
        later(penguins, "bill,island,sex\nbig,Dream,male\nbig,Dream,male\n")
    with pytest.raises(
        DataError, match="label of example 0 is `Emperor`; the classes are `Adelie`"
    ):
        later(penguins, "bill,island,sex,species\n1,Dream,male,Emperor\n")
    with pytest.raises(DataError, match="label of example 0 is `0`; the classes are `Adelie`"):
        later(penguins, "bill,island,sex,species\n1,Dream,male,0\n")


def test_what_cannot_be_learnt_from_is_left_out_and_named(tmp_path: Path) -> None:
    lines = [f"{i % 7},name {i},,1,{i % 2}" for i in range(40)]
    path = write(tmp_path / "t.csv", "a,name,nothing,one,label\n" + "\n".join(lines))
    dataset = load(path)
    assert dataset.x_train.shape == (40, 2)
    assert np.all(dataset.x_train[:, 1] == 0)
    assert dataset.notes == (
        "left out: `name` (40 different texts)",
        "left out: `nothing` (empty)",
        "warning: the same in all examples: `one`",
    )


@pytest.mark.parametrize(
    "date", ["2020-01-31", "31.01.2020", "1/31/20", "2020-01-31 12:30:00", "12:30", "31-Jan-2020"]
)
def test_dates_are_refused_with_what_to_do(tmp_path: Path, date: str) -> None:
    path = write(tmp_path / "t.csv", f"when,label\n{date},0\n{date},1\n")
    with pytest.raises(DataError, match=r"column `when` holds dates .*replace it by numbers"):
        load(path)


@pytest.mark.parametrize("form", ["{} %", "{}.5kg", "{}kg", "{} pcs", "{}.5a", "$1,{}", "€ {}"])
def test_numbers_with_a_unit_are_refused(tmp_path: Path, form: str) -> None:
    lines = [f'"{form.format(100 + row)}",{row % 2}' for row in range(40)]
    path = write(tmp_path / "t.csv", "much,label\n" + "\n".join(lines))
    unit = form.translate(dict.fromkeys(map(ord, "{} .,0123456789")))
    with pytest.raises(DataError, match=rf"`much` holds numbers with '{re.escape(unit)}'.* alone"):
        load(path)


@pytest.mark.parametrize(
    ("form", "what"),
    [("${},000", "numbers with '\\$'"), ("{} EUR", "numbers with 'EUR'"), ("2{}-01-01", "dates")],
)
def test_numbers_in_words_are_no_classes(tmp_path: Path, form: str, what: str) -> None:
    lines = [f'{row % 7},"{form.format(100 + row)}"' for row in range(40)]
    path = write(tmp_path / "t.csv", "a,label\n" + "\n".join(lines))
    with pytest.raises(DataError, match=f"`label` holds {what}.*, or name another label column; "):
        load(path)
    assert len(load(path, task="classification").class_names or ()) == 40


def test_whole_numbers_with_a_letter_are_names(tmp_path: Path) -> None:
    lines = [f"{i}a,{i},{i % 2}" for i in range(40)]
    path = write(tmp_path / "t.csv", "flat,a,label\n" + "\n".join(lines))
    assert load(path).notes == ("left out: `flat` (40 different texts)",)


@pytest.mark.parametrize(
    ("labels", "classes"),
    [
        ([1, 2, 1, 2], ("1", "2")),
        ([-1, 1, 1, -1], ("-1", "1")),
        ([0, 9, 9, 0], ("0", "9")),
        (["1.0", "2.0", "2.0", "1.0"], ("1", "2")),
        (["b", "a", "b", "a"], ("a", "b")),
        (["yes", "no", "no", "no"], ("no", "yes")),
        ([0.5, 1, 1, 1], None),
        ([23, 41, 35, 62], None),
        ([100 * i for i in range(60)], None),
        ([i % 30 for i in range(300)], tuple(map(str, range(30)))),
        ([i % 150 + 2 for i in range(600)], None),
    ],
)
def test_classes_or_numbers_is_guessed_and_said(
    tmp_path: Path, labels: list[object], classes: tuple[str, ...] | None
) -> None:
    rows = "\n".join(f"{i % 3},{label}" for i, label in enumerate(labels))
    dataset = load(write(tmp_path / "t.csv", f"a,y\n{rows}\n"))
    assert dataset.class_names == classes
    said = any("predicted as a number (regression)" in note for note in dataset.notes)
    assert said == (classes is None)
    assert len(dataset.y_train) == len(labels)


def test_the_task_may_be_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,y\n1,23\n2,41\n3,35\n5,62\n")
    assert load(path, task="classification").class_names == ("23", "35", "41", "62")
    ordinal = load(write(tmp_path / "u.csv", "a,y\n1,0\n2,1\n3,1\n"), task="regression")
    assert ordinal.class_names is None
    words = write(tmp_path / "w.csv", "a,y\n1,x\n2,z\n")
    with pytest.raises(DataError, match="the targets are words, such as 'x', expected numbers"):
        load(words, task="regression")


def test_an_id_that_examples_share_is_said_to_be_left_out(tmp_path: Path) -> None:
    rows = "\n".join(f"{i},{i % 5},{i * i % 7},{i % 2}" for i in range(40))
    assert load(write(tmp_path / "t.csv", f"Id,store_id,a,y\n{rows}\n")).notes == (
        "left out, as it only numbers the examples: `Id`",
        "left out, as it is called an id, though examples share it: `store_id`; rename it where it "
        "is a feature",
    )


def test_warnings_of_classes(tmp_path: Path) -> None:
    rows = "\n".join(f"{i},city {i % 16}" for i in range(30))
    assert load(write(tmp_path / "t.csv", f"a,y\n{rows}\n")).notes == (
        "warning: 16 classes for 30 examples, nearly one for each: are these the right labels?",
    )
    few = load(write(tmp_path / "u.csv", "a,y\n1,x\n2,x\n3,z\n"))
    assert few.notes == ("warning: classes with one example: `z`",)


def test_a_label_that_is_missing_is_named(tmp_path: Path) -> None:
    for label in ("", "x"):
        path = write(tmp_path / "t.csv", f"a,y\n1,{label or 1}\n\n2,\n3,{label or 2}\n")
        with pytest.raises(DataError, match="line 4, column `y` has no label: fill it in"):
            load(path)


def test_a_table_with_nothing_but_a_label(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no column to learn from besides its label, `y`"):
        load(write(tmp_path / "t.csv", "Id,y\n1,2\n2,3\n"))


def test_pixels_are_matched_by_name_and_else_by_their_order(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (6, 64))
    names = [f"pixel{i}" for i in range(64)]

    def table(names: list[str], x: np.ndarray, **first: object) -> str:
        lines = [",".join([*first, *names])]
        lines += [",".join([*map(str, first.values()), *map(str, row)]) for row in x.tolist()]
        return "\n".join(lines) + "\n"

    dataset = load(write(tmp_path / "t.csv", table(names, x, label=1)), task="classification")
    assert dataset.preparation.shape == (8, 8, 1)
    assert dataset.preparation.scale == 255
    assert np.array_equal(dataset.x_train, (x / np.float32(255)).astype("f").reshape(6, 8, 8, 1))
    order = np.random.default_rng(1).permutation(64)
    shuffled = table([names[i] for i in order], x[:, order], Id=3)
    for text in (shuffled, table(names, x), table([f"x{i}" for i in range(64)], x, Id=5)):
        inputs = load_inputs(write(tmp_path / "later.csv", text), dataset.preparation)
        assert np.array_equal(inputs.x, dataset.x_train)
    renamed = write(tmp_path / "later.csv", table([*names[:63], "other"], x))
    with pytest.raises(DataError, match=r"lacks columns .*`pixel63`"):
        load_inputs(renamed, dataset.preparation)


def test_pixels_that_were_divided_already_stay_as_they_are(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (6, 64)) / 255
    lines = [",".join([str(i % 2), *map(str, row)]) for i, row in enumerate(x.tolist())]
    dataset = load(write(tmp_path / "t.csv", "\n".join(lines)))
    assert np.allclose(dataset.x_train, x)


def test_emnists_tables_are_stood_upright(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 256, (5, 8, 8))
    lies = write(
        tmp_path / "emnist-letters-train.csv",
        "\n".join(",".join(map(str, [i + 1, *row.T.ravel()])) for i, row in enumerate(x)),
    )
    dataset = load(lies)
    assert np.allclose(dataset.x_train[..., 0] * 255, x)
    assert "EMNIST's images were stood upright" in dataset.notes
    upright = "\n".join(",".join(map(str, row.ravel())) for row in x)
    lying = "\n".join(",".join(map(str, row.T.ravel())) for row in x)
    for name, text in (("mine.csv", upright), ("emnist-letters-test.csv", lying)):
        inputs = load_inputs(write(tmp_path / name, text), dataset.preparation)
        assert np.array_equal(inputs.x, dataset.x_train)


def test_a_table_of_many_columns(tmp_path: Path) -> None:
    """A line longer than what a cell may hold, and not squared times as slow."""
    row = ",".join(f"{i % 7}.5" for i in range(20_000))
    dataset = load(write(tmp_path / "t.csv", f"0,{row}\n1,{row}\n0,{row}\n"), label_column=0)
    assert dataset.x_train.shape == (3, 20_000)
    inputs = load_inputs(write(tmp_path / "later.csv", row), dataset.preparation)
    assert np.array_equal(inputs.x[0], dataset.x_train[0])
    row = ",".join(["1.5"] * 100_001)
    with pytest.raises(DataError, match="has 100,001 columns, more than 100,000: save it as an"):
        load(write(tmp_path / "t.csv", f"0,{row}\n1,{row}\n"), label_column=0)


def test_json_lines(tmp_path: Path, penguins: Dataset) -> None:
    header, *rows = (line.split(",") for line in PENGUINS.splitlines())
    records = [
        {
            name: None if cell == "" else float(cell) if name in ("Id", "bill") else cell
            for name, cell in zip(header, row, strict=True)
        }
        for row in rows
    ]
    lines = write(tmp_path / "p.jsonl", "\n".join(map(json.dumps, records)))
    whole = write(tmp_path / "p.json", json.dumps(records))
    for path in (lines, whole):
        dataset = load(path)
        assert np.array_equal(dataset.x_train, penguins.x_train)
        assert dataset.preparation == penguins.preparation
    for text, message in (
        ('{"a": 1}\n{"a": ', "line 2 is no JSON"),
        ('[{"a": 1}, 5]', "holds more than objects"),
        ('{"a": [1], "y": 2}', r"'a' holds \[1\]: expected a number or text"),
        ('{"a": 1, "y": 2}\n{"a": "x", "y": 2}', "'a' holds numbers and text mixed"),
        ('{"a": 1e39, "y": 2}', r"'a' holds 1e\+39, expected a finite number"),
        ("[]", "holds no records"),
    ):
        with pytest.raises(DataError, match=message):
            load(write(lines, text))


def test_a_layout_survives_its_file(penguins: Dataset) -> None:
    stored = json.loads(json.dumps(penguins.preparation.as_plain()))
    assert Preparation.from_plain(stored) == penguins.preparation


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("label", "bill"),
        ("label", 3),
        ("features", ["bill"]),
        ("features", ["bill", "island", "Id2"]),
        ("order", ["bill"]),
        ("columns", [{"name": "bill"}]),
        ("columns", 5),
    ],
)
def test_a_layout_that_cannot_be(penguins: Dataset, change: str, value: object) -> None:
    assert penguins.preparation.layout is not None
    stored = json.loads(json.dumps(penguins.preparation.layout.as_plain()))
    with pytest.raises((ValueError, TypeError, LookupError)):
        Layout.from_plain({**stored, change: value})


@pytest.mark.parametrize(
    ("column", "change"),
    [
        (0, {"mean": float("nan")}),
        (0, {"deviation": 0}),
        (0, {"quartiles": [1, 2]}),
        (0, {"quartiles": [5, 4, 3, 2, 1]}),
        (0, {"quartiles": [1, 2, float("nan"), 4, 5]}),
        (0, {"missing": -1}),
        (1, {"missing": "one"}),
        (0, {"name": 5}),
        (1, {"mode": "Mars"}),
        (1, {"categories": [1, 2]}),
    ],
)
def test_a_column_that_cannot_be(penguins: Dataset, column: int, change: dict[str, object]) -> None:
    assert penguins.preparation.layout is not None
    stored = json.loads(json.dumps(penguins.preparation.layout.as_plain()))
    stored["columns"][column] |= change
    with pytest.raises((ValueError, TypeError, LookupError)):
        Layout.from_plain(stored)


def test_arrays_and_known_sets_are_standardized_too_where_training_was(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", "a,b,label\n10,1,0\n20,5,1\n30,1,1\n")
    dataset = load(path)
    np.savez(tmp_path / "x.npz", x=np.array([[10.0, 1], [20, 5], [30, 1]]))
    inputs = load_inputs(tmp_path / "x.npz", dataset.preparation)
    assert np.array_equal(inputs.x, dataset.x_train)
    with pytest.raises(DataError, match="trained on a table with the columns `a`, `b`"):
        load_inputs("digits", dataset.preparation)
