from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.torture.seeds import npy_bytes

from chainrule.data.loading import load
from chainrule.data.readers.arrays import read_array_folder, read_npy, read_npy_file, read_npz
from chainrule.errors import DataError
from chainrule.system.processes import ALONE

X = np.arange(12, dtype=np.float32).reshape(4, 3)
Y = np.array([0, 1, 0, 1])
fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@fuzzed
@given(
    arrays.arrays(
        st.sampled_from(["?", "u1", "i8", "f4", ">f8"]), arrays.array_shapes(max_dims=4, max_side=4)
    ),
    st.booleans(),
)
def test_npy_round_trip(tmp_path: Path, array: np.ndarray, in_columns: bool) -> None:
    np.save(tmp_path / "x.npy", np.asfortranarray(array) if in_columns else array)
    read = read_npy(tmp_path / "x.npy")
    assert isinstance(read, np.memmap)
    assert read.dtype == array.dtype
    assert np.array_equal(read, array, equal_nan=array.dtype.kind == "f")


@pytest.mark.parametrize("compressed", [False, True])
def test_npz(tmp_path: Path, compressed: bool) -> None:
    write = np.savez_compressed if compressed else np.savez
    path = tmp_path / "set.npz"
    write(path, x_test=X[:2], y_test=Y[:2], x_train=np.asfortranarray(X), y_train=Y, note=["a"])
    raw = read_npz(path)
    assert np.array_equal(raw.train.x, X)
    assert np.array_equal(raw.train.y, Y)
    assert raw.test is not None
    assert np.array_equal(raw.test.x, X[:2])
    assert isinstance(raw.train.x, np.memmap) is not compressed


def test_npz_with_x_and_y(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=X, y=Y)
    raw = read_npz(tmp_path / "set.npz")
    assert raw.test is None
    assert np.array_equal(raw.held_out.y, Y)


def test_folder_of_npy(tmp_path: Path) -> None:
    for name, array in {"x_train": X, "y_train": Y, "x_test": X[:1], "y_test": Y[:1]}.items():
        np.save(tmp_path / f"{name}.npy", array)
    raw = read_array_folder(tmp_path)
    assert isinstance(raw.train.x, np.memmap)
    assert raw.test is not None
    assert np.array_equal(raw.held_out.x, X[:1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy_bytes(X)[:-1], "is truncated: its header promises 48 bytes of numbers, but 47 follow"),
        (npy_bytes(X)[:60], "not an NPY file or is damaged"),
        (b"", "not an NPY file or is damaged"),
        (b"label,a\n1,2\n", "not an NPY file or is damaged"),
        (npy_bytes(X).replace(b"'descr'", b"'decsr'"), "not an NPY file or is damaged"),
        (npy_bytes(np.array([{}, None])), "holds Python objects, which chainrule never unpickles"),
        (npy_bytes(np.array(["a", "b"])), "holds <U1 values, expected whole or real numbers"),
        (npy_bytes(X.astype(complex)), "holds complex128 values"),
        (npy_bytes(X).replace(b"<f4", b"|a4"), r"holds \|S4 values"),
        (npy_bytes(X[:0]), r"has shape \(0, 3\): at least one example"),
        (npy_bytes(np.float32(3)), "x is a single number"),
        (npy_bytes(np.array([[1, 2], [3, np.nan]])), "example 1 of x in .* holds NaN"),
        (npy_bytes(np.array([[1, 2], [3, 1e300]])), "example 1 of x in .* holds NaN, infinity or"),
    ],
)
def test_bad_npy(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.npy"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_npy_file(path).check_usable(ALONE)
    assert str(path) in str(caught.value)


def test_nan_is_found_far_into_a_file(tmp_path: Path) -> None:
    x = np.zeros((10_000, 2))
    x[9_000, 1] = np.inf
    np.save(tmp_path / "x.npy", x)
    with pytest.raises(DataError, match="example 9000 of x in"):
        read_npy_file(tmp_path / "x.npy").check_usable(ALONE)


def test_bad_npz(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, data=X)
    with pytest.raises(DataError, match="holds the arrays data; expected x_train and y_train"):
        read_npz(path)
    np.savez(path, x=X, y=Y[:3])
    with pytest.raises(DataError, match=r"x has shape \(4, 3\) but y has shape \(3,\)"):
        read_npz(path)
    np.savez(path, x=np.array([{}]), y=Y[:1])
    with pytest.raises(DataError, match="Python objects"):
        read_npz(path)
    np.savez_compressed(path, x=X, y=Y)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match=r"is damaged .*: copy or write it again"):
        read_npz(path)
    path.write_bytes(b"PK\x03\x04")
    with pytest.raises(DataError, match="is damaged"):
        read_npz(path)


def test_a_member_that_lies_beyond_the_end(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, x=X)
    with zipfile.ZipFile(path) as archive:
        central = archive.start_dir
    content = bytearray(path.read_bytes())
    content[central + 44] = 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="is damaged"):
        read_npz(path)


def test_a_header_written_by_python_2(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(npy_bytes(X).replace(b"(4, 3), ", b"(4L,3L),"))
    assert np.array_equal(read_npy(tmp_path / "x.npy"), X)


def test_a_corrupt_member_is_found_by_its_checksum(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez_compressed(path, x=np.random.default_rng(0).normal(size=(100, 3)))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match="is damaged"):
        read_npz(path)


def test_encrypted_members_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    np.savez_compressed(path, x=X)
    with zipfile.ZipFile(path) as archive:
        central = archive.start_dir
    content = bytearray(path.read_bytes())
    content[6] |= 1
    content[central + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be read .* encrypted"):
        read_npz(path)


@pytest.mark.parametrize("y", [np.arange(300) % 58 + 23, np.arange(300) / 7], ids=["ages", "real"])
def test_targets_of_many_numbers_are_predicted_as_numbers(tmp_path: Path, y: np.ndarray) -> None:
    path = tmp_path / "set.npz"
    np.savez(path, x=np.random.default_rng(0).normal(size=(300, 3)), y=y)
    dataset = load(path)
    assert dataset.class_names is None
    (note,) = dataset.notes
    count = len(np.unique(y))
    assert note.startswith(f"y in {path} has {count} different numbers, so it is predicted as")


def test_a_class_with_one_example_is_warned_of_in_arrays(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.eye(9), y=[0, 1] * 4 + [2])
    assert load(tmp_path / "set.npz").notes == ("warning: classes with one example: `2`",)
