from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from chainrule.data.readers.idx import read_idx, read_idx_file, read_idx_folder
from chainrule.errors import DataError

Write = Callable[[Path, np.ndarray], Path]

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
LABELS = np.array([0, 1, 2], dtype=np.uint8)
NAMES = (
    ("train-images-idx3-ubyte", IMAGES),
    ("train-labels-idx1-ubyte", LABELS),
    ("t10k-images-idx3-ubyte", IMAGES[:2]),
    ("t10k-labels-idx1-ubyte", LABELS[:2]),
)
fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@fuzzed
@given(
    array=arrays.arrays(
        st.sampled_from(["u1", "i1", "i2", "i4", "f4", "f8"]),
        arrays.array_shapes(max_dims=4, max_side=5),
    ),
    name=st.sampled_from(["x-idx", "x-idx.gz"]),
)
def test_round_trip(write_idx: Write, tmp_path: Path, array: np.ndarray, name: str) -> None:
    read = read_idx(write_idx(tmp_path / name, array))
    assert read.dtype == array.dtype
    assert np.array_equal(read, array, equal_nan=array.dtype.kind == "f")


def test_compression_is_seen_from_the_bytes_not_the_name(tmp_path: Path, write_idx: Write) -> None:
    compressed = write_idx(tmp_path / "a.gz", IMAGES).rename(tmp_path / "a-idx3-ubyte")
    plain = write_idx(tmp_path / "b", IMAGES).rename(tmp_path / "b-idx3-ubyte.gz")
    assert np.array_equal(read_idx(compressed), IMAGES)
    assert np.array_equal(read_idx(plain), IMAGES)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda content: content[:-1], r"truncated: its header promises 76 bytes .* holds 75"),
        (lambda content: content + b"\0", r"damaged: its header promises 76 bytes .* holds 77"),
        (lambda content: content[:9], "truncated: it ends after 9 bytes, within its header"),
        (lambda content: content[:3], "3 bytes, too few"),
        (lambda content: b"", "0 bytes, too few"),
        (lambda content: b"\1" + content[1:], "not an IDX file: it starts with the bytes 01 00"),
        (lambda content: content[:2] + b"\7" + content[3:], "not an IDX file"),
        (lambda content: content[:3] + b"\0" + content[4:], "not an IDX file"),
        (lambda content: content[:4] + b"\xff" * 12 + content[16:], "truncated"),
        (lambda content: gzip.compress(content)[:-20], "truncated: the compressed data ends"),
        (lambda content: gzip.compress(content)[:-8] + b"\0" * 8, "corrupt: CRC check failed"),
        (lambda content: b"\x1f\x8b" + b"\7" * 40, "corrupt"),
        (lambda content: gzip.compress(b"not IDX"), "not an IDX file"),
    ],
)
def test_damaged_files(
    tmp_path: Path, write_idx: Write, damage: Callable[[bytes], bytes], message: str
) -> None:
    path = write_idx(tmp_path / "images", IMAGES)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=message) as caught:
        read_idx(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("prefix", ["", "emnist47-"])
def test_folder(tmp_path: Path, write_idx: Write, prefix: str, suffix: str) -> None:
    for name, array in NAMES:
        write_idx(tmp_path / f"{prefix}{name}{suffix}", array)
    raw = read_idx_folder(tmp_path)
    assert np.array_equal(raw.train.x, IMAGES)
    assert raw.test is not None
    assert raw.test.y is not None
    assert raw.test.y.tolist() == [0, 1]


def test_folder_without_a_test_part(tmp_path: Path, write_idx: Write) -> None:
    for name, array in NAMES[:2]:
        write_idx(tmp_path / name, array)
    assert read_idx_folder(tmp_path).test is None


@pytest.mark.parametrize("missing", range(4))
def test_folder_with_a_file_missing(tmp_path: Path, write_idx: Write, missing: int) -> None:
    for position, (name, array) in enumerate(NAMES):
        if position != missing:
            write_idx(tmp_path / name, array)
    with pytest.raises(DataError, match=f"put the file whose name ends in {NAMES[missing][0]}"):
        read_idx_folder(tmp_path)


def test_folder_with_several_sets(tmp_path: Path, write_idx: Write) -> None:
    for prefix in ("emnist-digits-", "emnist-letters-"):
        write_idx(tmp_path / f"{prefix}train-images-idx3-ubyte", IMAGES)
    with pytest.raises(DataError, match="several sets \\(emnist-digits-, emnist-letters-\\)"):
        read_idx_folder(tmp_path)


def test_labels_are_found_beside_the_images(tmp_path: Path, write_idx: Write) -> None:
    images = write_idx(tmp_path / "mine-images-idx3-ubyte", IMAGES)
    assert read_idx_file(images).train.y is None
    write_idx(tmp_path / "mine-labels-idx1-ubyte.gz", LABELS)
    labels = read_idx_file(images).train.y
    assert labels is not None
    assert labels.tolist() == [0, 1, 2]


def test_images_and_labels_must_belong_together(tmp_path: Path, write_idx: Write) -> None:
    images = write_idx(tmp_path / "a-images-idx3-ubyte", IMAGES)
    write_idx(tmp_path / "a-labels-idx1-ubyte", LABELS[:2])
    with pytest.raises(DataError, match=r"holds 3 images but .* holds 2 labels"):
        read_idx_file(images)
    write_idx(tmp_path / "a-labels-idx1-ubyte", IMAGES)
    with pytest.raises(DataError, match="is it the images file"):
        read_idx_file(images)
    with pytest.raises(DataError, match="is it the labels file"):
        read_idx_file(write_idx(tmp_path / "b-images-idx3-ubyte", LABELS))
