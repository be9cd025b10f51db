"""Frames of pandas and polars, and the files that pandas reads and writes."""

from __future__ import annotations

import datetime
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import polars
import pyarrow
import pytest

import chainrule as cr
from chainrule.data.readers.frames import from_frame
from chainrule.datasets import load, load_inputs
from chainrule.errors import ChainruleError, DataError

OLD_EXCEL = Path(__file__).with_name("penguins.xls")
ROWS: dict[str, list[Any]] = {
    "Id": [11, 12, 13, 14],
    "bill": [39.5, None, 46.5, 50.0],
    "island": ["Dream", "Biscoe", None, "Dream"],
    "wild": [True, False, True, True],
    "species": ["Adelie", "Gentoo", "Adelie", "Gentoo"],
}


def write_zstd(path: Path, text: str) -> None:
    with pyarrow.output_stream(str(path), compression="zstd") as file:
        file.write(text.encode())


@pytest.fixture
def frame() -> Any:
    return pandas.DataFrame(ROWS)


@pytest.fixture
def as_csv(frame: Any, tmp_path: Path) -> Path:
    frame.to_csv(tmp_path / "penguins.csv", index=False)
    return tmp_path / "penguins.csv"


@pytest.mark.parametrize(
    "name", ["p.parquet", "p.xlsx", "p.jsonl", "p.csv.gz", "p.csv.zip", "p.csv.zst", "p.jsonl.zst"]
)
def test_a_table_is_the_same_in_every_format(frame: Any, as_csv: Path, name: str) -> None:
    path = as_csv.with_name(name)
    if name.endswith("parquet"):
        frame.to_parquet(path)
    elif name.endswith("xlsx"):
        frame.to_excel(path, index=False)
    elif name.endswith("jsonl"):
        frame.to_json(path, orient="records", lines=True)
    elif name.endswith("zst"):
        lines = frame.to_json(orient="records", lines=True)
        write_zstd(path, as_csv.read_text() if name == "p.csv.zst" else lines)
    else:
        frame.to_csv(path, index=False)
    expected, dataset = load(as_csv), load(path)
    assert np.array_equal(dataset.x_train, expected.x_train)
    assert dataset.preparation == expected.preparation
    assert dataset.notes == expected.notes


def test_the_index_that_pandas_writes(frame: Any, as_csv: Path) -> None:
    del frame["Id"]
    frame.to_csv(as_csv)
    expected = load(as_csv)
    assert expected.preparation.layout is not None
    assert expected.preparation.layout.features == ("bill", "island", "wild")
    frame.index.name = "PassengerId"
    frame.to_parquet(as_csv.with_name("p.parquet"))
    dataset = load(as_csv.with_name("p.parquet"))
    assert np.array_equal(dataset.x_train, expected.x_train)
    inputs = load_inputs(as_csv.with_name("p.parquet"), expected.preparation)
    assert inputs.ids == ("0", "1", "2", "3")
    assert inputs.id_name == "PassengerId"


def test_a_network_with_a_preparation_takes_frames(frame: Any, as_csv: Path) -> None:
    dataset = load(as_csv)
    network = cr.Network([cr.Dense(2)], dataset.input_shape)
    network.preparation = dataset.preparation
    expected = network.predict(dataset.x_train)
    shuffled = frame[["species", "wild", "island", "bill"]]
    assert np.array_equal(network.predict(shuffled), expected)
    with pytest.raises(DataError, match=r"the frame lacks columns .*`island`"):
        network.predict(frame[["bill", "wild"]])


def test_polars(frame: Any, as_csv: Path) -> None:
    dataset = load(as_csv)
    assert np.array_equal(dataset.preparation.complete(polars.DataFrame(ROWS)), dataset.x_train)


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ([datetime.datetime(2020, 1, 31)] * 4, "column `odd` holds dates"),
        ([[1], [2], [3], [4]], "holds .*: expected a number or text in each column"),
        ([np.inf, 1, 2, 3], "'odd' holds infinity, or a number too large"),
    ],
)
def test_columns_that_cannot_be(frame: Any, as_csv: Path, column: list[Any], message: str) -> None:
    frame["odd"] = column
    path = as_csv.with_name("odd.parquet")
    frame.to_parquet(path)
    with pytest.raises(DataError, match=message):
        load(path)


def test_frames_without_rows_and_damaged_files(frame: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"has shape \(0, 5\): at least one example is needed"):
        from_frame(frame[:0])
    for name, write in (("p.parquet", frame.to_parquet), ("p.xlsx", frame.to_excel)):
        write(tmp_path / name)
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(DataError, match=name):
            load(tmp_path / name)


def test_pixels_of_a_frame_are_matched_with_those_of_a_known_set() -> None:
    digits = cr.datasets.load("digits")
    assert digits.x_test is not None
    raw = np.rint(digits.x_test * 255).astype(np.uint8).reshape(-1, 64)
    x = digits.preparation.complete(pandas.DataFrame(raw))
    assert np.abs(x - digits.x_test).max() <= 0.5 / 255 + 1e-6


def test_without_pandas_it_says_what_to_install(
    frame: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame.to_parquet(tmp_path / "p.parquet")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ChainruleError, match=r"needs pandas: pip install 'chainrule\[data\]'"):
        load(tmp_path / "p.parquet")


def test_zstd_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "p.csv.zst"
    write_zstd(path, "a,label\n" + "1,0\n" * 2**25)
    with pytest.raises(DataError, match=r"would take .* as if made to fill it"):
        load(path)
    write_zstd(path, "a,label\n1,0\n2,1\n")
    whole = path.read_bytes()
    for damaged in (whole[:-6], whole[:4] + b"\xff" * 20):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"p\.csv\.zst is damaged"):
            load(path)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(
        ChainruleError, match=r"p\.csv\.zst needs pyarrow: pip install 'chainrule\["
    ):
        load(path)


def test_old_excel_files(frame: Any, as_csv: Path) -> None:
    """`penguins.xls` has the rows of `frame`; xlwt 1.3 wrote it, a cell at a time."""
    frame["island"] = frame["island"].fillna("NA")
    frame.to_csv(as_csv, index=False)
    expected, dataset = load(as_csv), load(OLD_EXCEL)
    assert np.array_equal(dataset.x_train, expected.x_train)
    assert dataset.preparation == expected.preparation
    assert dataset.notes == expected.notes


def test_old_excel_files_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, content = tmp_path / "p.xls", OLD_EXCEL.read_bytes()
    for damaged in (content[:8] + bytes(1000), content[:1500], content[:600] + content[700:]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"p\.xls"):
            load(path)
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(
        ChainruleError, match=r"p\.xls needs python_calamine: pip install 'chainrule\[data\]'"
    ):
        load(path)
