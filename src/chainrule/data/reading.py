"""What a name or a path stands for, and what its files hold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from chainrule.configurable import find_name
from chainrule.data.catalog import CATALOG
from chainrule.data.readers.arrays import (
    NPY_MAGIC,
    NPZ_MAGIC,
    holds_arrays,
    read_array_folder,
    read_npy_file,
    read_npz,
)
from chainrule.data.readers.delimited import read_delimited
from chainrule.data.readers.frames import find_reader, read_frame
from chainrule.data.readers.idx import (
    EMNIST,
    find_idx_prefixes,
    read_idx_file,
    read_idx_folder,
    unpacks_to_idx,
)
from chainrule.data.readers.images import SUFFIXES, ImageOptions, holds_images, read_image_folder
from chainrule.data.readers.raw import RawDataset
from chainrule.data.readers.records import read_records
from chainrule.data.synthetic import SYNTHETIC
from chainrule.data.tables.layout import stand_upright
from chainrule.data.tables.table import Table
from chainrule.errors import ChainruleError, DataError, UnknownNameError
from chainrule.limits import shortened
from chainrule.spelling import nearest

JSON_SUFFIXES = {".json", ".jsonl", ".ndjson"}


def names() -> list[str]:
    """The names that `load` knows: synthetic sets, then those of the catalog."""
    return [*SYNTHETIC, *CATALOG]


def find_set(name: str) -> str:
    """The name in `names()` that `name` means; case, ``-`` and ``_`` do not matter.

    >>> find_set("XOR_line")
    'xor-line'

    Raises:
        UnknownNameError: there is none; the message offers the nearest.
    """
    return find_name(name, names(), "data set")


def check_source(source: str | Path) -> None:
    """Refuse what is neither the name of a set nor a path that exists, without reading it."""
    if str(source) in ("", "."):
        raise DataError("name the data: a set from `chainrule data list`, a file, or a folder")
    with readable(source):
        find_known(source)


@contextmanager
def readable(source: str | Path) -> Iterator[None]:
    """Errors in reading name the file, and say what to do."""
    try:
        yield
    except ChainruleError:
        raise
    except MemoryError:
        raise DataError(
            f"{source} does not fit into memory: take fewer examples, or save them as NPY files, "
            "which are read from disk a batch at a time"
        ) from None
    except OSError as error:
        file = shortened(str(error.filename or source))
        raise DataError(f"{file} cannot be read: {error.strerror or error}") from None


def find_known(source: str | Path) -> str:
    """The name that `source` means, or nothing when it is the path of something."""
    path = Path(source)
    try:
        if isinstance(source, str):
            return find_set(source)
    except UnknownNameError:
        if not path.exists() and len(path.parts) == 1 and not path.suffix:
            raise
    if not path.exists():
        raise DataError(f"{path} does not exist: {hint(path)}")
    return ""


def hint(missing: Path) -> str:
    """What may have been meant by the path of something that does not exist."""
    beside = [each.name for each in missing.parent.iterdir()] if missing.parent.is_dir() else []
    if meant := nearest(missing.name, beside, likeness=0.8):
        return f"did you mean {missing.parent / meant}?"
    is_name = len(missing.parts) == 1 and not missing.suffix
    return "check the path" + f", or give one of the names {', '.join(names())}" * is_name


def read(
    path: Path,
    options: ImageOptions,
    class_names: Sequence[str] | None = None,
    needs_labels: bool = True,
) -> RawDataset | Table:
    """What a file or a folder holds. `options` say how files of images are made alike, and
    `class_names` which folders of them there may be, unless any may."""
    if path.is_file():
        return _read_file(path)
    return _read_folder(path, options, class_names, needs_labels)


def _read_file(path: Path) -> RawDataset | Table:
    """Read a file by what it begins with; its name only decides when that tells nothing."""
    with path.open("rb") as file:
        start = file.read(8)
    suffix = path.suffix.lower()
    if start.startswith(NPY_MAGIC) or suffix == ".npy":
        return read_npy_file(path)
    reader = find_reader(path, start)
    if reader is not None:
        return read_frame(path, reader)
    if (start.startswith(NPZ_MAGIC) and holds_arrays(path)) or suffix == ".npz":
        return read_npz(path)
    if start.startswith(b"\0\0") or "-idx" in path.name or unpacks_to_idx(path, start):
        return read_idx_file(path)
    if suffix in SUFFIXES:
        raise DataError(f"{path} is a single image: give the folder that holds the images")
    if {*path.suffixes} & JSON_SUFFIXES:
        return read_records(path)
    return stand_upright(read_delimited(path)) if EMNIST.match(path.name) else read_delimited(path)


def _read_folder(
    path: Path, options: ImageOptions, class_names: Sequence[str] | None, needs_labels: bool
) -> RawDataset:
    """Read a folder of IDX files, of NPY files, or of images."""
    if any(path.glob("x*.npy")):
        return read_array_folder(path)
    if find_idx_prefixes(path):
        return read_idx_folder(path)
    if holds_images(path):
        return read_image_folder(path, class_names, needs_labels, options)
    raise DataError(
        f"{path} holds no data: expected IDX files (train-images-idx3-ubyte, …), NPY files "
        "(x_train.npy, y_train.npy) or a folder of images for each class; give a CSV or NPZ "
        "file by its own name"
    )
