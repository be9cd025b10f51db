"""Files made to fill the memory, to take for ever or to lead astray: each is refused in one
sentence, before it has taken what it asks for."""

from __future__ import annotations

import gzip
import os
import resource
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.torture.seeds import PNG_MAGIC, idx_bytes, npy_bytes, with_right_checksums

from chainrule.data.loading import load, load_inputs
from chainrule.data.preparation import Preparation
from chainrule.data.readers import images
from chainrule.errors import DataError
from chainrule.limits import MEGABYTE, check_unpacked

LITTLE = 150 * MEGABYTE
MEMBER, LABELS = npy_bytes(np.zeros((2, 64), np.uint8)), np.zeros(2, np.uint8)


@pytest.fixture(autouse=True)
def little_memory() -> Iterator[None]:
    """Whoever asks for more than 150 MB is told that there is no memory, which is no refusal."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + LITTLE, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, before)


def refused(path: Path, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1000


def idx_header(*shape: int) -> bytes:
    return struct.pack(f">HBB{len(shape)}I", 0, 8, len(shape), *shape)


def test_an_idx_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(idx_header(2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(100))
    refused(path, r"is truncated: its header promises [\d,]+ bytes .* but it holds 116")


def test_an_idx_header_with_more_axes_than_an_array_has(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(idx_header(*[1] * 255) + b"\0")
    refused(path, "is not an IDX file: it starts with the bytes 00 00 08 ff")


def test_a_gzip_bomb(tmp_path: Path) -> None:
    """A megabyte that unpacks to a gigabyte, as its header says."""
    path = tmp_path / "train-images-idx3-ubyte.gz"
    megabyte = gzip.compress(bytes(MEGABYTE))
    path.write_bytes(gzip.compress(idx_header(1024, 1024, 1024)) + megabyte * 1024)
    refused(path, r"would take 1,073,741,840 bytes .* than 100 times its own .* with gunzip")


def test_a_gzip_bomb_behind_a_small_header(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    megabyte = gzip.compress(bytes(MEGABYTE))
    path.write_bytes(gzip.compress(idx_header(2, 8, 8)) + megabyte * 1024)
    refused(path, "is damaged: its header promises 144 bytes .* but it holds 145")


def test_a_gzip_header_that_promises_more_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx_header(2**32 - 1, 2**32 - 1)))
    refused(path, "than 100 times its own")
    path.write_bytes(gzip.compress(idx_header(1000, 28, 28)))
    refused(path, "is truncated: its header promises 784,016 bytes .* but it holds 16")


def write_npz(path: Path, method: int, megabytes: int = 160) -> None:
    """A set whose `x` is followed by zeros."""
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("y.npy", npy_bytes(LABELS))
        with archive.open("x.npy", "w") as member:
            member.write(MEMBER)
            for _ in range(megabytes):
                member.write(bytes(MEGABYTE))


def test_an_npz_bomb(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    write_npz(path, zipfile.ZIP_DEFLATED)
    refused(path, "than 100 times its own .* write it with numpy.savez")


def test_an_npz_bomb_whose_directory_says_that_it_is_small(tmp_path: Path) -> None:
    path = tmp_path / "set.npz"
    write_npz(path, zipfile.ZIP_DEFLATED)
    content = path.read_bytes()
    size = struct.pack("<L", len(MEMBER) + 160 * MEGABYTE)
    assert content.count(size) == 2  # before the member, and in the directory
    path.write_bytes(content.replace(size, struct.pack("<L", len(MEMBER))))
    refused(path, r"is damaged \(Bad CRC-32")


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_npz_bomb_compressed_by_another_method(tmp_path: Path, method: int) -> None:
    path = tmp_path / "set.npz"
    write_npz(path, method, megabytes=2)
    refused(path, "is compressed as NumPy never does: write it with numpy.savez_compressed")


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("(1000000000000, 3)", "promises 12,000,000,000,000 bytes of numbers, but 24 follow"),
        ("(9" + "0" * 3000 + ",)", "no array has its shape"),
        ("(" + "1," * 60 + ")", "no array has its shape"),
        ("(-1, 3)", r"has shape \(-1, 3\): at least one example"),
        ("[" * 5000, "is not an NPY file or is damaged"),
        ("-" * 9000 + "1", "is not an NPY file or is damaged"),
        ("9" * 9000, "is not an NPY file or is damaged"),
    ],
)
def test_an_npy_header_that_asks_for_too_much(tmp_path: Path, header: str, message: str) -> None:
    text = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {header}}}\n".encode()
    content = b"\x93NUMPY\1\0" + struct.pack("<H", len(text)) + text + bytes(24)
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(DataError, match=message):
        load(tmp_path)


def test_an_npy_header_of_four_gigabytes(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(b"\x93NUMPY\2\0\xff\xff\xff\xff{")
    with pytest.raises(DataError, match="is not an NPY file or is damaged: EOF"):
        load(tmp_path)


def png(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">2I5B", width, height, 8, 0, 0, 0, 0)
    data = b"IDAT" + zlib.compress(bytes(1000))
    chunks = [struct.pack(">I", len(chunk) - 4) + chunk + bytes(4) for chunk in (header, data)]
    return with_right_checksums(PNG_MAGIC + b"".join(chunks))


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ((5000, 5000), "is 5000x5000, more than 16,777,216 pixels: make it smaller"),
        ((60_000, 60_000), "cannot be read as an image: Image size .* exceeds limit"),
        ((2**31 - 1, 2**31 - 1), "cannot be read as an image: Image size .* exceeds limit"),
    ],
)
def test_a_png_bomb(tmp_path: Path, size: tuple[int, int], message: str) -> None:
    path = tmp_path / "cat" / "a.png"
    path.parent.mkdir()
    path.write_bytes(png(*size))
    with pytest.raises(DataError, match=message) as caught:
        load(tmp_path)
    assert str(path) in str(caught.value)


def test_a_jpeg_bomb(tmp_path: Path) -> None:
    path = tmp_path / "cat" / "a.jpg"
    path.parent.mkdir()
    Image.new("L", (64, 48)).save(path)
    small, huge = struct.pack(">2H", 48, 64), struct.pack(">2H", 6000, 6000)
    path.write_bytes(path.read_bytes().replace(small, huge, 1))
    with pytest.raises(DataError, match="is 6000x6000, more than 16,777,216 pixels"):
        load(tmp_path)


def test_a_png_chunk_that_promises_more_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "cat" / "a.png"
    path.parent.mkdir()
    content = png(8, 8)
    place = content.index(b"IDAT")
    path.write_bytes(content[: place - 4] + b"\x7f\xff\xff\xff" + content[place:])
    assert load(tmp_path).x_train.shape == (1, 8, 8, 1)  # all of its pixels are there


def test_a_folder_of_images_that_do_not_fit_into_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "FOLDER", MEGABYTE)
    (tmp_path / "cat").mkdir()
    for number in range(3):
        Image.new("L", (1000, 1000)).save(tmp_path / "cat" / f"{number}.png")
    refused(tmp_path, "with 3 images of 1000x1000 grey, would take 3,000,000 bytes .* NPY file")


def test_a_csv_line_without_end(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"1" * 33_000_000)
    refused(path, "has a row of more than 1,000,000 columns or 32,000,000 characters")


@pytest.mark.parametrize("before", ["", "1,2\n3,4\n"])
def test_a_csv_line_of_millions_of_columns(tmp_path: Path, before: str) -> None:
    path = tmp_path / "table.csv"
    path.write_text(before + "1," * 3_000_000)
    refused(path, "has a row of more than 1,000,000 columns")


def test_a_csv_row_of_millions_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text('"1\n",' * 3_000_000)
    refused(path, "has a row of more than 1,000,000 columns")


def test_a_cell_that_fills_the_screen(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("1,2\n3," + "x" * 100_000)
    refused(path, r"line 2, column 1 holds 'xxx.*…x+', expected a number")


@pytest.mark.parametrize("name", ["x.npy", "cat/a.png", "train-images-idx3-ubyte"])
def test_a_pipe_in_a_folder_is_not_waited_for(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    os.mkfifo(path)
    with pytest.raises(DataError):
        load(tmp_path)


def test_links_are_followed(tmp_path: Path) -> None:
    """Caches of data sets are made of them; nothing is written through a link."""
    (tmp_path / "store").mkdir()
    Image.new("L", (8, 8), 7).save(tmp_path / "store" / "1.png")
    (tmp_path / "set" / "cat").mkdir(parents=True)
    (tmp_path / "set" / "cat" / "a.png").symlink_to(tmp_path / "store" / "1.png")
    assert load(tmp_path / "set").x_train.shape == (1, 8, 8, 1)


def test_a_class_that_would_write_on_the_screen(tmp_path: Path) -> None:
    (tmp_path / "cat\x1b[2J").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "cat\x1b[2J" / "a.png")
    refused(tmp_path, r"a folder called 'cat\\x1b\[2J'")


def test_what_compresses_well_but_is_small_is_read(tmp_path: Path) -> None:
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(idx_bytes(np.zeros((10_000, 28, 28), np.uint8))))
    x = load_inputs(path, Preparation(shape=(28, 28))).x
    assert x.shape == (10_000, 28, 28)


def test_the_limit_grows_with_the_file() -> None:
    check_unpacked(64 * MEGABYTE, 1, "x.gz", "unpack it")
    check_unpacked(100 * MEGABYTE, MEGABYTE, "x.gz", "unpack it")
    with pytest.raises(DataError, match="if you trust it, unpack it"):
        check_unpacked(100 * MEGABYTE + 1, MEGABYTE, "x.gz", "unpack it")
