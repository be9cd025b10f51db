from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from chainrule.data.tables import Table, read_table
from chainrule.errors import DataError

fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def read(path: Path, text: str | bytes) -> Table:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_table(path)


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
    ],
)
def test_header_is_detected(path: Path, text: str, header: list[str] | None) -> None:
    table = read(path, text)
    assert table.header == header
    assert table.values.tolist() == [[1, 2], [3, 4]]


@fuzzed
@given(arrays.arrays(np.float32, (3, 4), elements=st.floats(width=32, allow_nan=False)))
def test_round_trip(path: Path, rows: np.ndarray) -> None:
    rows = np.nan_to_num(rows, posinf=1, neginf=-1)
    text = "\n".join(",".join(row) for row in rows.astype(str).tolist())
    assert np.array_equal(read(path, text).values.astype(np.float32), rows)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("\n \n", "line 2, column 1 is empty"),
        ("label,a\n", "has a header but no examples"),
        ("1,2\n3\n", "line 2 has 1 values, but the lines above have 2"),
        ("a,b\n1,2\n3,4,5\n", "line 3 has 3 values, but the lines above have 2"),
        ("a,b\n1,2,3\n4,5,6\n", "line 2 has 3 values, but the lines above have 2"),
        ("1,2\n3,cat\n", "line 2, column 2 holds 'cat', expected a number"),
        ("1.5,cat\n2.5,dog\n", "line 1, column 2 holds 'cat', expected a number"),
        ("5,0,0,1x,0\n1,2,3,4,5\n", "line 1, column 4 holds '1x', expected a number"),
        ("a,b\n1,2\n\n3,1_000\n", "line 4, column 2 holds '1_000', expected a number"),
        ("a,b\n1,\n", "line 2, column 2 is empty"),
        ("1,,3\n", "line 1, column 2 is empty"),
        ("a,b\n1,2\n1,nan\n", "line 3, column 2 holds 'nan', expected a finite number"),
        ("nan,1\n2,3\n", "line 1, column 1 holds 'nan', expected a finite number"),
        ("a,b\n-inf,2\n", "line 2, column 1 holds '-inf', expected a finite number"),
        ("a,b\n1e300,2\n", "line 2, column 1 holds '1e300', too large"),
        ("1;2\n3;4\n", "line 1 has no comma but semicolons or tabs"),
        (b"a,b\n\xff\xfe,2\n", "is not text in UTF-8"),
        ("a,b\n1,2\n".encode("utf-16"), "is not text in UTF-8"),
        ("a,b\n1,\0\n", "line 2, column 2 holds '\\\\x00'"),
        ('a,b\n"1,2\n', "line 2 has 1 values"),
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
        assert np.isfinite(table.values).all()


@fuzzed
@given(st.data())
def test_the_first_fault_is_named_wherever_it_is(path: Path, data: st.DataObject) -> None:
    number = st.integers(-1000, 1000) | st.floats(-1000, 1000)
    rows, columns = data.draw(st.integers(2, 6)), data.draw(st.integers(2, 5))
    cells = [[str(data.draw(number)) for _ in range(columns)] for _ in range(rows)]
    row, column = data.draw(st.integers(1, rows - 1)), data.draw(st.integers(0, columns - 1))
    cells[row][column] = data.draw(st.sampled_from(["", "x", "1_0", "nan", "-inf", "1e39", "0x1"]))
    header = data.draw(st.sampled_from([[], [f"column {n}" for n in range(columns)]]))
    lines = [
        ",".join(f'"{cell}"' if data.draw(st.booleans()) else cell for cell in line)
        for line in ([header] if header else []) + cells
    ]
    fault = f"line {row + 1 + bool(header)}, column {column + 1} "
    with pytest.raises(DataError, match=fault):
        read(path, data.draw(st.sampled_from(["\n", "\r\n"])).join(lines))


@pytest.mark.parametrize(
    ("column", "position"),
    [(None, 1), ("a", 0), ("label", 1), (2, 2), (-1, 2), ("0", 0), ("-2", 1)],
)
def test_label_column(path: Path, column: int | str | None, position: int) -> None:
    table = read(path, "a,label,c\n1,2,3\n")
    assert table.find_column(column) == position
    features, labels = table.separate(position)
    assert labels.tolist() == [[1, 2, 3][position]]
    assert features.tolist() == [[n for n in (1, 2, 3) if n != labels[0]]]


def test_label_column_without_header(path: Path) -> None:
    table = read(path, "1,2\n3,4\n")
    assert table.find_column(None) == 0
    with pytest.raises(DataError, match="has no header, so no column is called 'label'"):
        table.find_column("label")


def test_missing_label_column(path: Path) -> None:
    table = read(path, "species,length\n1,2\n")
    with pytest.raises(DataError, match="no column called 'spices'; did you mean 'species'"):
        table.find_column("spices")
    with pytest.raises(DataError, match="2 columns and no column 2: positions go from 0 to 1"):
        table.find_column(2)
    with pytest.raises(DataError, match="no column -3"):
        table.find_column("-3")


@pytest.mark.parametrize(
    ("text", "number_type"),
    [("0,255", "uint8"), ("0,255.0", "uint8"), ("0,256", "float64"), ("0,0.5", "float64")],
)
def test_pixels_are_kept_as_bytes(path: Path, text: str, number_type: str) -> None:
    assert read(path, text).features().dtype == number_type


def test_labels_beyond_a_byte_do_not_hide_pixels(path: Path) -> None:
    features, labels = read(path, "1000,0,255\n-1,3,4\n").separate(0)
    assert features.dtype == np.uint8
    assert labels.tolist() == [1000, -1]
