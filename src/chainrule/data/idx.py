"""IDX files, the format of MNIST and EMNIST, plain or compressed with gzip.

A file is two zero bytes, a code for the type of number, how many dimensions there are, the
size of each as a big-endian 32-bit number, then the numbers themselves, big-endian.
"""

from __future__ import annotations

import gzip
import math
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.data.raw import Examples, RawDataset
from chainrule.errors import DataError

Array = npt.NDArray[Any]

GZIP_MAGIC = b"\x1f\x8b"
NUMBER_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
USUAL_NAMES = {
    "train images": "train-images-idx3-ubyte",
    "train labels": "train-labels-idx1-ubyte",
    "test images": "t10k-images-idx3-ubyte",
    "test labels": "t10k-labels-idx1-ubyte",
}
FILE_NAME = re.compile(
    r"(?P<prefix>.*?)(?P<part>train|t10k|test)[-_.]?(?P<kind>images|labels)[-_.]idx[13]"
    r"[-_.]ubyte(\.gz)?",
    re.IGNORECASE,
)


def read_idx(path: Path) -> Array:
    """The array in an IDX file. Whether it is compressed is seen from its first bytes, so a
    file renamed with or without ``.gz`` reads as well.

    Raises:
        DataError: the file is truncated, too long, corrupt, or no IDX file.
    """
    content = _read_bytes(path)
    number_type, shape = _read_header(content, path)
    start = 4 + 4 * len(shape)
    expected = start + math.prod(shape) * number_type.itemsize
    if len(content) != expected:
        problem = "truncated" if len(content) < expected else "damaged"
        raise DataError(
            f"{path} is {problem}: its header promises {expected:,} bytes for numbers of shape "
            f"{shape}, but it holds {len(content):,}: copy or download it again"
        )
    stored = np.frombuffer(content, dtype=number_type, offset=start).reshape(shape)
    return stored.astype(number_type.newbyteorder("="), copy=False)


def read_idx_pair(images: Path, labels: Path | None) -> Examples:
    """Images with the labels that belong to them.

    Raises:
        DataError: one of the files cannot be read, or they do not belong together.
    """
    x = read_idx(images)
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
            f"{images} holds {len(x)} images but {labels} holds {len(y)} labels: "
            "take both from the same set"
        )
    return Examples(x, y, str(images))


def read_idx_file(path: Path) -> RawDataset:
    """The images in `path`, with the labels of the file beside it where there is one:
    ``…-labels-idx1-ubyte`` for ``…-images-idx3-ubyte``."""
    labels = path.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    beside = [path.with_name(labels), path.with_name(labels + ".gz")]
    found = [file for file in beside if file.exists() and file != path]
    return RawDataset(read_idx_pair(path, found[0] if found else None))


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
            f"{folder} holds several sets ({', '.join(prefixes)}): "
            "move one into a folder of its own, or give its images file"
        )
    files = find_idx_files(folder, prefixes[0])
    return read_idx_parts(files, folder, has_test=any(key.startswith("test") for key in files))


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
    matches = [FILE_NAME.fullmatch(file.name) for file in folder.iterdir()]
    return sorted({match["prefix"] for match in matches if match})


def find_idx_files(folder: Path, prefix: str) -> dict[str, Path]:
    """The files of the set `prefix`, as ``{"train images": path, …}``."""
    found = {}
    for file in sorted(folder.iterdir()):
        match = FILE_NAME.fullmatch(file.name)
        if match and match["prefix"] == prefix:
            part = "train" if match["part"].lower() == "train" else "test"
            found[f"{part} {match['kind'].lower()}"] = file
    return found


def _read_bytes(path: Path) -> bytes:
    content = path.read_bytes()
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        return gzip.decompress(content)
    except EOFError:
        raise DataError(
            f"{path} is truncated: the compressed data ends too early: copy or download it again"
        ) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is corrupt: {error}: copy or download it again") from None


def _read_header(content: bytes, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    if len(content) < 4:
        raise DataError(f"{path} holds {len(content)} bytes, too few for an IDX file")
    if content[:2] != b"\0\0" or content[2] not in NUMBER_TYPES or content[3] == 0:
        raise DataError(
            f"{path} is not an IDX file: it starts with the bytes {content[:4].hex(' ')}, where "
            "an images file has 00 00 08 03 and a labels file 00 00 08 01"
        )
    dimensions = content[3]
    if len(content) < 4 + 4 * dimensions:
        raise DataError(
            f"{path} is truncated: it ends after {len(content)} bytes, within its header: "
            "copy or download it again"
        )
    shape = np.frombuffer(content, dtype=">u4", count=dimensions, offset=4)
    return np.dtype(NUMBER_TYPES[content[2]]), tuple(shape.tolist())
