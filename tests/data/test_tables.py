from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from chainrule.data.readers.delimited import read_delimited
from chainrule.data.tables.layout import Layout, find_label
from chainrule.data.tables.table import Table
from chainrule.errors import DataError

fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def read(path: Path, text: str | bytes) -> Table:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_delimited(path)


def cells(table: Table) -> list[list[object]]:
    """The table row by row, with None for what is missing."""
    columns = [table.column(at).tolist() for at in range(len(table.names))]
    return [[None if cell != cell else cell for cell in row] for row in zip(*columns, strict=True)]


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("1,2\n3,4\n", None),
        ("1,2\r\n3,4", None),
        ("\n1,2\n\n3,4\n\n", None),
        ("label,pixel0\n1,2\n3,4\n", ["label", "pixel0"]),
        ("\ufefflabel,pixel0\n1,2\n3,4\n", ["label", "pixel0"]),
        ("label,0\n1,2\n3,4\n", ["label", "0"]),
        (',"a, b"\n"1","2"\n 3 , 4 \n', ["", "a, b"]),
        ("a;b\n1;2\n3;4\n", ["a", "b"]),
        ("a\tb\n1\t2\n3\t4\n", ["a", "b"]),
        ("1|2\n3|4\n", None),
        (" a  b\n 1  2\n 3  4\n", ["a", "b"]),
        ("# a,b\n1,2\n3,4\n", ["a", "b"]),
    ],
)
def test_header_is_detected(path: Path, text: str, header: list[str] | None) -> None:
    table = read(path, text)
    assert table.has_header == (header is not None)
    assert table.names == tuple(header or ["0", "1"])
    assert cells(table) == [[1, 2], [3, 4]]


@pytest.mark.parametrize("header", ["0,1,2", ",0,1"])
def test_a_header_of_numbers_as_pandas_writes_it(path: Path, header: str) -> None:
    table = read(path, f"{header}\n5,6,7\n")
    assert table.has_header
    assert table.names == tuple(header.split(","))
    assert cells(table) == [[5, 6, 7]]
    assert "was taken for a header" in table.notes[0]


@pytest.mark.parametrize(("below", "is_header"), [("0.5,1.5", True), ("1,0", False)])
def test_two_columns_are_counted_only_among_other_numbers(
    path: Path, below: str, is_header: bool
) -> None:
    assert read(path, f"0,1\n{below}\n").has_header == is_header


def test_a_text_that_recurs_is_no_header(path: Path) -> None:
    """UCI's files of letters have none."""
    table = read(path, "p,x,s\ne,x,y\np,b,s\n")
    assert not table.has_header
    assert len(table) == 3


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("size;price\n1,5;2\n0,25;3\n", [[1.5, 2], [0.25, 3]]),
        ('size,price\n"1,5","2"\n"0,25","3"\n', [[1.5, 2], [0.25, 3]]),
        ("size\tprice\n-1,5e3\t2\n", [[-1500, 2]]),
        ("a,b\n1,NA\n?,2\n,3\n4,nan\n", [[1, None], [None, 2], [None, 3], [4, None]]),
        ("a,b\nx,1\n,2\ny y,3\n", [["x", 1], [None, 2], ["y y", 3]]),
        ("a,b\n,\n1,2\n", [[None, None], [1, 2]]),
        ("größe,b\nx,1\nü,2\n".encode("cp1252"), [["x", 1], ["ü", 2]]),
        ("a,b\nx,1\nü,2\n".encode("utf-16"), [["x", 1], ["ü", 2]]),
        (gzip.compress(b"a,b\nx,1\n", mtime=0), [["x", 1]]),
        (bz2.compress(b"a,b\n1.5,1\n"), [[1.5, 1]]),
        (lzma.compress(b"a;b\n1.5;1\n"), [[1.5, 1]]),
    ],
)
def test_any_separator_encoding_and_compression(
    path: Path, content: str | bytes, expected: list[list[object]]
) -> None:
    assert cells(read(path, content)) == expected


def test_a_zip_file_with_one_table(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.csv", "a,b\n1,x\n")
    assert cells(read_delimited(path)) == [[1, "x"]]
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("b.csv", "a,b\n1,x\n")
    with pytest.raises(DataError, match="holds 2 files: unpack it"):
        read_delimited(path)


def test_a_bomb_is_not_unpacked(path: Path) -> None:
    with pytest.raises(DataError, match=r"would take .* as if made to fill it"):
        read(path, gzip.compress(b"1,2\n" * 2**25))


def test_another_encoding_is_said(path: Path) -> None:
    assert "read as Windows-1252" in read(path, "a,b\nü,2\n".encode("cp1252")).notes[0]


@fuzzed
@given(arrays.arrays(np.float32, (3, 4), elements=st.floats(width=32, allow_nan=False)))
def test_round_trip(path: Path, rows: np.ndarray) -> None:
    rows = np.nan_to_num(rows, posinf=1, neginf=-1)
    text = "\n".join(",".join(row) for row in rows.astype(str).tolist())
    table = read(path, text)
    assert not table.has_header
    assert np.array_equal(np.asarray(table.values, np.float32), rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("label,a\n", "has a header but no examples"),
        ("1,2\n3\n", "line 2 has 1 value, but the lines above have 2"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 values, but the lines above have 2"),
        ("a,b\n1,x\na,b\n3,\n", "line 3 repeats the header in line 1: remove it"),
        ("a,b\n1,2,3\n4,5,6\n", "line 2 has 3 values, but the lines above have 2"),
        ("5,0,0,1x,0\n1,2,3,4,5\n", "line 1, column 3 holds '1x', expected a number"),
        ("a,b\n1,2\n\n3,1_000\n", "line 4, column `b` holds '1_000', expected a number"),
        ("a,b\n-inf,2\n", "line 2, column `a` holds '-inf', expected a finite number"),
        ("a,b\n1e300,2\n", "line 2, column `a` holds '1e300', too large"),
        ("1,2\n3,cat\n", "line 2, column 1 holds 'cat', expected a number"),
        ('a,b\n"1,500",2\n"2,000",3\n', "line 2, column `a` holds '1,500': write numbers without"),
        ("a;b\n1.234,5;2\n2.345,6;3\n", "holds '1.234,5': write numbers without marks"),
        (b"a,b\n\x81\xfe,2\n", "is not text in UTF-8"),
        (b"a,b\n\xff\x00,2\n", "is not text in UTF-8"),
        ("a,b\n1,\0\n", "line 2, column `b` holds '\\\\x00'"),
        (gzip.compress(b"a,b\n1,2\n", mtime=0)[:-4], "is damaged"),
        ('a,b\n"1,2\n', "line 2 has 1 value"),
        pytest.param("a" * 200_000 + ",b\n1,2\n", "field larger than field limit", id="long"),
    ],
)
def test_bad_tables(path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read(path, text)
    assert str(path) in str(caught.value)


@fuzzed
@given(st.text('01.-,\n"aen+ \0;', max_size=30) | st.binary(max_size=30))
def test_no_foreign_error_escapes(path: Path, text: str | bytes) -> None:
    with suppress(DataError):
        table = read(path, text)
        assert len(table) > 0


@fuzzed
@given(st.data())
def test_the_first_fault_is_named_wherever_it_is(path: Path, data: st.DataObject) -> None:
    number = st.integers(-1000, 1000) | st.floats(-1000, 1000)
    rows, columns = data.draw(st.integers(2, 6)), data.draw(st.integers(2, 5))
    cells = [[str(data.draw(number)) for _ in range(columns)] for _ in range(rows)]
    row, column = data.draw(st.integers(1, rows - 1)), data.draw(st.integers(0, columns - 1))
    cells[row][column] = data.draw(st.sampled_from(["x", "1_0", "-inf", "1e39", "0x1"]))
    header = data.draw(st.sampled_from([[], [f"column {n}" for n in range(columns)]]))
    lines = [
        ",".join(f'"{cell}"' if data.draw(st.booleans()) else cell for cell in line)
        for line in ([header] if header else []) + cells
    ]
    name = f"`column {column}`" if header else column
    fault = f"line {row + 1 + bool(header)}, column {name} "
    with pytest.raises(DataError, match=fault):
        read(path, data.draw(st.sampled_from(["\n", "\r\n"])).join(lines))


@pytest.mark.parametrize(
    ("column", "position"),
    [(None, 1), ("a", 0), ("label", 1), (2, 2), (-1, 2), ("0", 0), ("-2", 1)],
)
def test_label_column(path: Path, column: int | str | None, position: int) -> None:
    assert find_label(read(path, "a,label,c\n1,2,3\n"), column) == position


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("Id,a,Species\n1,2,x\n2,3,y\n", 2),
        ("a,target\n1,2\n", 1),
        ("5.1,3.5,Iris-setosa\n4.9,3.0,Iris-setosa\n", 2),
        ("3," + ",".join(["0"] + ["9"] * 63) + "\n1," + ",".join(["0"] * 64) + "\n", 0),
        (",".join(["0"] + ["9"] * 63) + ",3\n" + ",".join(["0"] * 64) + ",1\n", 64),
        (",".join(map(str, range(65))) + "\n3," + ",".join(["9"] * 64) + "\n1" + ",0" * 64, 0),
    ],
)
def test_a_clear_label_need_not_be_named(path: Path, text: str, position: int) -> None:
    assert find_label(read(path, text), None) == position


def test_the_ids_of_a_wide_table_are_looked_for_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not once for each column: 8,000 of them took twenty seconds."""
    table, looked = read(path, "Id,a,b,c,label\n1,2,3,4,5\n"), []
    find_ids = Table.find_ids
    monkeypatch.setattr(Table, "find_ids", lambda self: looked.append(1) or find_ids(self))
    assert find_label(table, None) == 4
    assert len(looked) == 1


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("age,sex,progress\n59,2,151\n48,1,75\n", "the columns are `age`, `sex`, `progress`"),
        ("a,class,target\n1,2,3\n", "the columns are `a`, `class`, `target`"),
        ("0.5,1\n0.25,2\n", "without a header, give a position from 0 to 1, or -1 for the last"),
    ],
)
def test_without_a_clear_label_it_is_asked_for(path: Path, text: str, listed: str) -> None:
    with pytest.raises(DataError, match=f"which column is the label.* --label-column .*{listed}"):
        find_label(read(path, text), None)


def test_label_column_without_header(path: Path) -> None:
    table = read(path, "1,2\n3,4\n")
    with pytest.raises(DataError, match="has no header, so no column is called 'label'"):
        find_label(table, "label")


def test_missing_label_column(path: Path) -> None:
    table = read(path, "species,length\n1,2\n")
    with pytest.raises(DataError, match="no column called 'spices'; did you mean 'species'"):
        table.find("spices")
    with pytest.raises(DataError, match="2 columns and no column 2: positions go from 0 to 1"):
        table.find(2)
    with pytest.raises(DataError, match="no column -3"):
        table.find("-3")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        (",a\n0,5\n1,6\n", [0]),
        ("Unnamed: 0,a\n0,5\n1,6\n", [0]),
        (",a\n0.5,5\n1,6\n", []),
        (",a\n3,5\n3,6\n", []),
        (",a\nMazda,5\nFiat,6\n", [0]),
        ("rownames,a\nMazda,5\nFiat,6\n", [0]),
        (",a\nx,5\nx,6\n", []),
        ("a,Id\n1,2\n", [1]),
        ("PassengerId,image_id,ID\n1,2,3\n", [0, 1, 2]),
        ("fixed acid,humid,Idaho,paid\n1,2,3,4\n", []),
        ("0,1\n1,2\n", []),
    ],
)
def test_columns_that_number_the_examples_are_known(path: Path, text: str, ids: list[int]) -> None:
    assert read(path, text).find_ids() == ids


def test_two_columns_of_one_name_are_refused(path: Path) -> None:
    with pytest.raises(DataError, match="two columns called `a`: rename one"):
        read(path, "a,b,a\n1,2,3\n").find_twice()


@pytest.mark.parametrize("cell", ["", "NA"])
def test_a_pixel_cannot_be_guessed(path: Path, cell: str) -> None:
    table = read(path, "label" + ",p" * 64 + "\n1" + ",9" * 63 + f",{cell}\n")
    with pytest.raises(DataError, match="line 2, column `p` is empty: fill in the pixel"):
        Layout.learn(table, 0, np.arange(1))
