"""IDX files, the format of MNIST and EMNIST, plain or compressed with gzip.

A file is two zero bytes, a code for the type of number, how many dimensions there are, the
size of each as a big-endian 32-bit number, then the numbers themselves, big-endian.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from collections.abc import Iterator
from dataclasses import replace
from io import BufferedIOBase
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.readers.raw import Examples, RawDataset, check_usable
from chainrule.errors import DataError
from chainrule.limits import MEGABYTE, check_unpacked, listed
from chainrule.presentation.display import counted
from chainrule.types import Array

GZIP_MAGIC = b"\x1f\x8b"
NUMBER_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_AXES = 8  # of an array; those of images are three or four
USUAL_NAMES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}
EMNIST = re.compile(r"emnist-(balanced|byclass|bymerge|letters|digits|mnist)-", re.IGNORECASE)
FILE_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<part>train|t10k|test)[-_.]?(?P<kind>images|labels)[-_.]idx[13]"
    r"[-_.]ubyte(\.gz)?",
    re.IGNORECASE,
)


def read_idx(path: Path) -> Array:
    """The array in an IDX file. Whether it is compressed is seen from its first bytes, so a
    file renamed with or without ``.gz`` reads as well.

    Raises:
        DataError: the file is truncated, too long, corrupt, or no IDX file; or it is compressed
            and would unpack to more than `limits` allow.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(2) != GZIP_MAGIC:
            file.seek(0)
            return _read_array(file, path, size)
        file.seek(0)
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _read_array(unpacked, path, None)
        except EOFError:
            raise DataError(
                f"{path} is truncated: the compressed data ends too early: "
                "copy or download it again"
            ) from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise DataError(f"{path} is corrupt: {error}: copy or download it again") from None


def unpacks_to_idx(path: Path, start: bytes) -> bool:
    """True of a file compressed with gzip that holds an IDX file; also of a damaged one, which is
    then called so. `start` are the first bytes of the file itself."""
    if not start.startswith(GZIP_MAGIC):
        return False
    try:
        with gzip.open(path) as unpacked:
            return unpacked.read(2) == b"\0\0"
    except (OSError, EOFError, zlib.error):
        return True


def read_idx_pair(images: Path, labels: Path | None) -> Examples:
    """Images with the labels that belong to them.

    Raises:
        DataError: one of the files cannot be read, or they do not belong together.
    """
    x = read_idx(images)
    check_usable(x, str(images))
    if x.ndim < 2:
        raise DataError(
            f"{images} holds numbers of shape {x.shape}, expected images (count, height, width): "
            "is it the labels file?"
        )
    if labels is None:
        return Examples(x, None, str(images))
    y = read_idx(labels)
    if y.ndim != 1:
        raise DataError(
            f"{labels} holds numbers of shape {y.shape}, expected labels (count,): "
            "is it the images file?"
        )
    if len(x) != len(y):
        raise DataError(
            f"{images} holds {counted(len(x), 'image')} but {labels} holds "
            f"{counted(len(y), 'label')}: take both from the same set"
        )
    return Examples(x, y, str(images))


def read_idx_file(path: Path) -> RawDataset:
    """The images in `path`, with the labels of the file beside it where there is one:
    ``…-labels-idx1-ubyte`` for ``…-images-idx3-ubyte``."""
    labels = path.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    beside = [path.with_name(labels), path.with_name(labels + ".gz")]
    found = [file for file in beside if file.is_file() and file != path]
    return _upright(RawDataset(read_idx_pair(path, found[0] if found else None)), path.name)


def read_idx_folder(folder: Path) -> RawDataset:
    """The set in a folder with the four usual names, ``train-images-idx3-ubyte`` and so on,
    compressed or not, whatever stands before ``train`` in all four. The test part
    (``t10k-…`` or ``test-…``) may be missing.

    Raises:
        DataError: a file is missing, or the folder holds several sets.
    """
    prefixes = find_idx_prefixes(folder)
    if len(prefixes) > 1:
        raise DataError(
            f"{folder} holds several sets ({listed(prefixes)}): "
            "move one into a folder of its own, or give its images file"
        )
    files = find_idx_files(folder, prefixes[0])
    has_test = any(key.startswith("test") for key in files)
    return _upright(read_idx_parts(files, folder, has_test), prefixes[0])


def _upright(raw: RawDataset, name: str) -> RawDataset:
    """EMNIST's own files, which are known by their names, hold images that lie on their side."""
    if not EMNIST.match(name) or raw.train.x.ndim != 3:
        return raw
    train = replace(raw.train, x=raw.train.x.transpose(0, 2, 1))
    test = None if raw.test is None else replace(raw.test, x=raw.test.x.transpose(0, 2, 1))
    return RawDataset(train, test, notes=("EMNIST's images were stood upright",))


def read_idx_parts(files: dict[str, Path], folder: Path, has_test: bool = True) -> RawDataset:
    """The set made of `files`, as `find_idx_files` finds them in `folder`.

    Raises:
        DataError: a file is missing; the message names it.
    """
    for key, name in USUAL_NAMES.items():
        if key not in files and (has_test or key.startswith("train")):
            raise DataError(
                f"{folder} holds no {key}: put the file whose name ends in {name} "
                f"or {name}.gz there"
            )
    train = read_idx_pair(files["train images"], files["train labels"])
    if not has_test:
        return RawDataset(train)
    return RawDataset(train, read_idx_pair(files["test images"], files["test labels"]))


def find_idx_prefixes(folder: Path) -> list[str]:
    """What stands before ``train``, ``t10k`` or ``test`` in the names of IDX files."""
    return sorted({match["prefix"] for _, match in _idx_files(folder)})


def find_idx_files(folder: Path, prefix: str) -> dict[str, Path]:
    """The files of the set `prefix`, as ``{"train images": path, …}``."""
    found = {}
    for file, match in _idx_files(folder):
        if match["prefix"] == prefix:
            part = "train" if match["part"].lower() == "train" else "test"
            found[f"{part} {match['kind'].lower()}"] = file
    return found


def _idx_files(folder: Path) -> Iterator[tuple[Path, re.Match[str]]]:
    """The files named like IDX files. A pipe under such a name would never end."""
    for file in sorted(folder.iterdir()):
        match = FILE_NAME.fullmatch(file.name)
        if match and file.is_file():
            yield file, match


def _read_array(stream: BufferedIOBase, path: Path, size: int | None) -> Array:
    """The array in a stream of `size` bytes (None: compressed, so that nobody knows). There is
    memory for it only once its header has been held against what there is."""
    number_type, shape = _read_header(stream, path)
    start = 4 + 4 * len(shape)
    expected = start + math.prod(shape) * number_type.itemsize
    if size is None:
        check_unpacked(expected, path.stat().st_size, str(path), "unpack it with gunzip")
    elif size != expected:
        raise _wrong_length(path, shape, expected, size)
    stored = np.empty(shape, number_type)
    held = start + _fill(stored, stream)
    held += len(stream.read(1))  # at its end, a compressed file also checks its checksum
    if held != expected:
        raise _wrong_length(path, shape, expected, held)
    return stored.astype(number_type.newbyteorder("="), copy=False)


def _fill(stored: Array, stream: BufferedIOBase) -> int:
    """Read into memory as much as there is; how many bytes were there."""
    memory, held = stored.reshape(-1).view(np.uint8).data, 0
    while count := stream.readinto(memory[held : held + MEGABYTE]):
        held += count
    return held


def _read_header(stream: BufferedIOBase, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    start = stream.read(4)
    if len(start) < 4:
        raise DataError(f"{path} holds {len(start)} bytes, too few for an IDX file")
    axes = start[3]
    if start[:2] != b"\0\0" or start[2] not in NUMBER_TYPES or not 1 <= axes <= MOST_AXES:
        raise DataError(
            f"{path} is not an IDX file: it starts with the bytes {start.hex(' ')}, where "
            "an images file has 00 00 08 03 and a labels file 00 00 08 01"
        )
    sizes = stream.read(4 * axes)
    if len(sizes) < 4 * axes:
        raise DataError(
            f"{path} is truncated: it ends after {4 + len(sizes)} bytes, within its header: "
            "copy or download it again"
        )
    shape = tuple(np.frombuffer(sizes, dtype=">u4").tolist())
    if 0 in shape:
        raise DataError(f"{path} holds numbers of shape {shape}: at least one example is needed")
    return np.dtype(NUMBER_TYPES[start[2]]), shape


def _wrong_length(path: Path, shape: tuple[int, ...], expected: int, held: int) -> DataError:
    problem = "truncated" if held < expected else "damaged"
    return DataError(
        f"{path} is {problem}: its header promises {expected:,} bytes for numbers of shape "
        f"{shape}, but it holds {held:,}: copy or download it again"
    )
