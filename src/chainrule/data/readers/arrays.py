"""NumPy's own files: NPY (one array) and NPZ (several). Nothing in them is ever unpickled.

Arrays that are stored without compression are memory-mapped, so that a set larger than
memory can be trained on; compressed ones are read.
"""

from __future__ import annotations

import io
import math
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any, Literal

import numpy as np
from numpy.lib import format as npy

from chainrule.data.readers.raw import Examples, RawDataset
from chainrule.errors import DataError
from chainrule.limits import check_unpacked, listed, shortened
from chainrule.types import Array

Header = tuple[np.dtype[Any], tuple[int, ...], Literal["C", "F"]]

PARTS = ("", "_train", "_test")  # what the names of the arrays end in
NPY_MAGIC = npy.MAGIC_PREFIX
NPZ_MAGIC = b"PK\x03\x04"
STORED = zipfile.ZIP_STORED
MEMBER_HEADER = struct.Struct("<26x2H")
"""What stands before each member of a ZIP file; its last two numbers are the lengths of the
name and of the extra field that follow."""

LONGEST_HEADER = 10_000  # bytes of an NPY file; NumPy reads no longer one either
MOST_AXES = 32
LARGEST_SIZE = 2**48  # of an axis

# What reading raises when bytes are not what they were. Python's parser, which reads the headers,
# has a MemoryError for brackets that are nested too deeply.
DAMAGED_HEADER = (
    *(ValueError, SyntaxError, TypeError, LookupError, OverflowError),
    *(TokenError, RecursionError, MemoryError),
)
DAMAGED_ARCHIVE = (
    *(zipfile.BadZipFile, zlib.error, struct.error),
    *(EOFError, ValueError, OverflowError),
)


def read_npy(path: Path) -> Array:
    """The array in an NPY file, memory-mapped.

    Raises:
        DataError: the file is truncated, no NPY file, or holds no plain numbers.
    """
    return _map_array(path, 0, path.stat().st_size, str(path))


def read_npy_file(path: Path) -> RawDataset:
    """The examples in a single NPY file, without labels."""
    return _as_dataset(["x"], lambda name: read_npy(path), str(path))


def read_array_folder(folder: Path) -> RawDataset:
    """The set in a folder with the files ``x_train.npy``, ``y_train.npy`` and perhaps
    ``x_test.npy``, ``y_test.npy``; or with ``x.npy`` and perhaps ``y.npy``."""
    files = {file.stem: file for file in folder.glob("*.npy") if file.is_file()}
    return _as_dataset(files, lambda name: read_npy(files[name]), str(folder))


def holds_arrays(path: Path) -> bool:
    """True of a ZIP file with arrays in it; also of a damaged one, which is then called so."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith(".npy") for name in archive.namelist())
    except DAMAGED_ARCHIVE:
        return True


def read_npz(path: Path) -> RawDataset:
    """The set in an NPZ file with the arrays ``x_train``, ``y_train`` and perhaps
    ``x_test``, ``y_test``; or with ``x`` and perhaps ``y``.

    Raises:
        DataError: the file is truncated, corrupt, no NPZ file, or holds no plain numbers.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            _check_unpacked(path, members)
            return _as_dataset(
                members, lambda name: _read_member(path, archive, members[name]), str(path)
            )
    except DataError:
        raise
    except DAMAGED_ARCHIVE as error:
        problem = shortened(str(error))
        raise DataError(f"{path} is damaged ({problem}): copy or write it again") from None
    except (NotImplementedError, RuntimeError) as error:
        raise DataError(f"{path} cannot be read ({error}): write it with numpy.savez") from None


def _as_dataset(names: Collection[str], read: Callable[[str], Array], origin: str) -> RawDataset:
    parts = [part for part in PARTS if f"x{part}" in names]
    if not parts:
        raise DataError(
            f"{origin} holds the arrays {listed(names)}; "
            "expected x_train and y_train, with x_test and y_test for a test part, or x and y"
        )
    train = _read_examples(names, read, parts[0], origin)
    if parts != ["_train", "_test"]:
        return RawDataset(train)
    return RawDataset(train, _read_examples(names, read, "_test", origin))


def _read_examples(
    names: Collection[str], read: Callable[[str], Array], part: str, origin: str
) -> Examples:
    x = read(f"x{part}")
    if x.ndim == 0:
        raise DataError(f"{origin}: x{part} is a single number, expected (examples, features)")
    if f"y{part}" not in names:
        return Examples(x, None, origin)
    y = read(f"y{part}")
    if y.shape[:1] != x.shape[:1]:
        raise DataError(
            f"{origin}: x{part} has shape {x.shape} but y{part} has shape {y.shape}: "
            "there must be one target for each example"
        )
    return Examples(x, np.array(y), origin)


def _check_unpacked(path: Path, members: Mapping[str, zipfile.ZipInfo]) -> None:
    """Hold what the arrays would unpack to against the archive as a whole: members may share
    their compressed bytes."""
    read = [members.get(f"{kind}{part}") for kind in "xy" for part in PARTS]
    unpacked = sum(each.file_size for each in read if each and each.compress_type != STORED)
    check_unpacked(unpacked, path.stat().st_size, str(path), "write it with numpy.savez")


def _read_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Array:
    what = f"{path} ({member.filename})"
    if member.compress_type not in (STORED, zipfile.ZIP_DEFLATED):
        raise DataError(
            f"{what} is compressed as NumPy never does: write it with numpy.savez_compressed"
        )
    if member.compress_type != STORED:
        with archive.open(member) as unpacked:
            content = unpacked.read(member.file_size)  # no more, whatever there is
        stream = io.BytesIO(content)
        number_type, shape, order = _read_header(stream, what)
        start = stream.tell()
        _check_length(number_type, shape, len(content) - start, what)
        return np.frombuffer(content, number_type, offset=start).reshape(shape, order=order)
    with path.open("rb") as file:
        file.seek(member.header_offset)
        lengths = MEMBER_HEADER.unpack(file.read(MEMBER_HEADER.size))
    start = member.header_offset + MEMBER_HEADER.size + sum(lengths)
    return _map_array(path, start, member.file_size, what)


def _map_array(path: Path, start: int, length: int, what: str) -> Array:
    """The array whose NPY header begins at byte `start` and which takes `length` bytes."""
    with path.open("rb") as file:
        file.seek(start)
        number_type, shape, order = _read_header(file, what)
        offset = file.tell()
    _check_length(number_type, shape, length - (offset - start), what)
    return np.memmap(path, number_type, "r", offset, shape, order)


def _read_header(stream: IO[bytes], what: str) -> Header:
    """The header at this place of a stream, which is left at its end."""
    place = stream.tell()
    start = io.BytesIO(stream.read(LONGEST_HEADER))
    try:
        version = npy.read_magic(start)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Python 2, of types that NumPy no longer has
            shape, in_columns, number_type = read(start)
    except DAMAGED_HEADER as error:
        problem = shortened(str(error))
        raise DataError(f"{what} is not an NPY file or is damaged: {problem}") from None
    stream.seek(place + start.tell())
    if number_type.hasobject:
        raise DataError(
            f"{what} holds Python objects, which chainrule never unpickles: "
            "save plain numbers, for instance array.astype('float32')"
        )
    if number_type.kind not in "buif":
        kind = shortened(str(number_type))
        raise DataError(f"{what} holds {kind} values, expected whole or real numbers")
    return number_type, tuple(map(int, shape)), "F" if in_columns else "C"  # True is a size there


def _check_length(
    number_type: np.dtype[Any], shape: tuple[int, ...], length: int, what: str
) -> None:
    if len(shape) > MOST_AXES or any(abs(size) > LARGEST_SIZE for size in shape):
        raise DataError(f"{what} is damaged: no array has its shape, {shortened(str(shape))}")
    expected = math.prod(shape) * number_type.itemsize
    if min(shape, default=1) < 1:
        raise DataError(f"{what} has shape {shape}: at least one example is needed")
    if length < expected:
        raise DataError(
            f"{what} is truncated: its header promises {expected:,} bytes of numbers, but "
            f"{length:,} follow: copy or write it again"
        )
