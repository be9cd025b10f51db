"""The one door to all data: a name or a path goes in, a `Dataset` comes out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from chainrule.configurable import find_name
from chainrule.data.arrays import NPY_MAGIC, NPZ_MAGIC, read_array_folder, read_npy_file, read_npz
from chainrule.data.catalog import CATALOG, load_catalog
from chainrule.data.dataset import Dataset
from chainrule.data.idx import GZIP_MAGIC, find_idx_prefixes, read_idx_file, read_idx_folder
from chainrule.data.images import SUFFIXES, holds_images, read_image_folder
from chainrule.data.labels import class_numbers, regression_targets
from chainrule.data.preparation import Preparation
from chainrule.data.raw import Examples, RawDataset
from chainrule.data.synthetic import SYNTHETIC, load_synthetic
from chainrule.data.tables import read_table
from chainrule.errors import ArgumentError, ChainruleError, DataError, UnknownNameError
from chainrule.limits import shortened
from chainrule.types import Array


@dataclass(frozen=True)
class Inputs:
    """Examples as the network takes them, and their targets where the source has any."""

    x: Array
    y: Array | None


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


def load(
    source: str | Path,
    *,
    data_dir: str | Path | None = None,
    seed: int = 0,
    samples: int | None = None,
    label_column: int | str | None = None,
    task: str = "classification",
) -> Dataset:
    """Load a data set by its name, or from a file or folder.

    Args:
        source: a name of `names()`, or the path of an IDX, CSV or NPZ file, or of a folder of
            IDX files, of NPY files, or of images by class. A name goes before a path: write
            ``./mnist`` for a folder called like a set.
        data_dir: where to look for sets of the catalog first; else CHAINRULE_DATA.
        seed: of the points of a synthetic set.
        samples: how many training points to draw of a synthetic set.
        label_column: of a CSV file, by name or position; else the column ``label``, or the
            first.
        task: ``"classification"``, or ``"regression"`` for real numbers as targets in a file.

    >>> load("digits").class_names
    ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9')

    Raises:
        UnknownNameError: no such name; the message offers the nearest.
        DataError: there is no such file, or it is damaged, ragged, or holds what cannot be
            trained on; the message says where and what to do.
        DownloadError: a set is not on this machine and cannot be downloaded.
    """
    find_name(task, ("classification", "regression"), "task")
    with _readable(source):
        name = _find_known(source)
        if name in SYNTHETIC:
            return load_synthetic(name, samples, seed)
        if samples is not None:
            raise ArgumentError(
                f"samples={samples} is for synthetic data; {source} has its own examples"
            )
        if name:
            return load_catalog(name, data_dir)
        path = Path(source)
        raw = _read_file(path, label_column) if path.is_file() else _read_folder(path)
        return _as_dataset(raw, path, task)


def load_inputs(
    source: str | Path,
    preparation: Preparation,
    *,
    data_dir: str | Path | None = None,
    seed: int = 0,
    label_column: int | str | None = None,
    labels: bool = True,
) -> Inputs:
    """Examples to predict or evaluate on, prepared as those the network was trained on, and
    their targets where the source has any (else None).

    Of a set with a test part, that part is taken. A CSV file with exactly the columns that
    the network takes has no labels; with one more, that is the label column.

    Args:
        source, data_dir, seed, label_column: as for `load`; also a single NPY file, and a
            folder of images without classes.
        preparation: of the training data.
        labels: whether targets are wanted; if not, they are left out unread.

    >>> inputs = load_inputs("linear", Preparation(shape=(2,), class_names=("0", "1")))
    >>> inputs.x.shape, inputs.y.shape
    ((1000, 2), (1000,))

    Raises:
        UnknownNameError, DataError, DownloadError: as for `load`; and when the examples are
            not of the size the network takes, or have labels outside its classes.
    """
    with _readable(source):
        if _find_known(source):
            dataset = load(source, data_dir=data_dir, seed=seed)
            x, y = dataset.x_train, dataset.y_train
            if dataset.x_test is not None and dataset.y_test is not None:
                x, y = dataset.x_test, dataset.y_test
            examples = Examples(x, y, dataset.name)
            # The catalog and the formulas give pixels in [0, 1] already.
            preparation = replace(preparation, scale=1.0)
        else:
            path = Path(source)
            examples = (
                _read_file(path, label_column, preparation)
                if path.is_file()
                else _read_folder(path, preparation.class_names, needs_labels=False)
            ).held_out
        x = _prepare(preparation, examples)
    if examples.y is None or not labels:
        return Inputs(x, None)
    return Inputs(x, _targets(examples.y, examples.origin, preparation.class_names))


def check_source(source: str | Path) -> None:
    """Refuse what is neither the name of a set nor a path that exists, without reading it."""
    if str(source) in ("", "."):
        raise DataError("name the data: a set from `chainrule data list`, a file, or a folder")
    with _readable(source):
        _find_known(source)


@contextmanager
def _readable(source: str | Path) -> Iterator[None]:
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


def _find_known(source: str | Path) -> str:
    """The name that `source` means, or nothing when it is the path of something."""
    path = Path(source)
    try:
        if isinstance(source, str):
            return find_set(source)
    except UnknownNameError:
        if not path.exists() and len(path.parts) == 1 and not path.suffix:
            raise
    if not path.exists():
        raise DataError(
            f"{path} does not exist: check the path, or give one of the names " + ", ".join(names())
        )
    return ""


def _read_file(
    path: Path, label_column: int | str | None, preparation: Preparation | None = None
) -> RawDataset:
    """Read a file by what it begins with; its name only decides when that tells nothing."""
    with path.open("rb") as file:
        start = file.read(8)
    suffix = path.suffix.lower()
    if start.startswith(NPY_MAGIC) or suffix == ".npy":
        return read_npy_file(path)
    if start.startswith(NPZ_MAGIC) or suffix == ".npz":
        return read_npz(path)
    if start.startswith((GZIP_MAGIC, b"\0\0")) or suffix == ".gz" or "-idx" in path.name:
        return read_idx_file(path)
    if suffix in SUFFIXES:
        raise DataError(f"{path} is a single image: give the folder that holds the images")
    return _read_table(path, label_column, preparation)


def _read_folder(
    path: Path, class_names: Sequence[str] | None = None, needs_labels: bool = True
) -> RawDataset:
    if any(path.glob("x*.npy")):
        return read_array_folder(path)
    if find_idx_prefixes(path):
        return read_idx_folder(path)
    if holds_images(path):
        return read_image_folder(path, class_names, needs_labels)
    raise DataError(
        f"{path} holds no data: expected IDX files (train-images-idx3-ubyte, …), NPY files "
        "(x_train.npy, y_train.npy) or a folder of images for each class; give a CSV or NPZ "
        "file by its own name"
    )


def _read_table(
    path: Path, label_column: int | str | None, preparation: Preparation | None
) -> RawDataset:
    table = read_table(path)
    columns = table.values.shape[1]
    if preparation is not None and preparation.shape is not None:
        features = math.prod(preparation.shape)
        if columns == features:
            return RawDataset(Examples(table.features(), None, str(path)))
        if columns != features + 1:
            raise DataError(
                f"{path} has {columns} columns, but the network takes {features} features: "
                f"expected {features} columns, or {features + 1} with a label column"
            )
    if columns < 2:
        raise DataError(f"{path} has one column: expected features and a label")
    column = table.find_column(label_column)
    x, y = table.separate(column)
    name = str(column) if table.header is None else shortened(repr(table.header[column]))
    return RawDataset(Examples(x, y, f"{path} (labels from column {name})"))


def _as_dataset(raw: RawDataset, path: Path, task: str) -> Dataset:
    y_train = _require_labels(raw.train)
    class_names = _name_classes(raw, y_train) if task == "classification" else None
    preparation = replace(_infer(raw.train), class_names=class_names)
    test = raw.test
    return Dataset(
        name=path.stem,
        x_train=_prepare(preparation, raw.train),
        y_train=_targets(y_train, raw.train.origin, class_names),
        x_test=_prepare(preparation, test) if test else None,
        y_test=_targets(_require_labels(test), test.origin, class_names) if test else None,
        preparation=preparation,
        source=str(path),
    )


def _name_classes(raw: RawDataset, y_train: Array) -> tuple[str, ...]:
    """Names from the files, or the numbers up to the largest label."""
    if raw.class_names:
        return raw.class_names
    largest = class_numbers(y_train, raw.train.origin).max()
    return tuple(str(number) for number in range(largest + 1))


def _targets(y: Array, origin: str, class_names: Sequence[str] | None) -> Array:
    if class_names is None:
        return regression_targets(y, origin)
    return class_numbers(y, origin, class_names)


def _require_labels(examples: Examples) -> Array:
    if examples.y is None:
        raise DataError(
            f"{examples.origin} holds examples without labels: to train on it, put the labels "
            "file beside an IDX file, or y_train (and y_test) beside x_train (and x_test)"
        )
    return examples.y


def _infer(examples: Examples) -> Preparation:
    try:
        return Preparation.infer(examples.x)
    except DataError as error:
        raise DataError(f"{examples.origin}: {error}") from None


def _prepare(preparation: Preparation, examples: Examples) -> Array:
    try:
        return preparation.apply(examples.x)
    except DataError as error:
        raise DataError(f"{examples.origin}: {error}") from None
