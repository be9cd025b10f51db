"""The one door to all data: a name or a path goes in, a `Dataset` comes out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from chainrule.configurable import find_name
from chainrule.data.arrays import (
    NPY_MAGIC,
    NPZ_MAGIC,
    holds_arrays,
    read_array_folder,
    read_npy_file,
    read_npz,
)
from chainrule.data.catalog import CATALOG, load_catalog
from chainrule.data.dataset import Dataset, Inputs
from chainrule.data.delimited import read_delimited
from chainrule.data.frames import OLD_EXCEL_MAGIC, PARQUET_MAGIC, is_excel, read_frame
from chainrule.data.idx import (
    EMNIST,
    find_idx_prefixes,
    read_idx_file,
    read_idx_folder,
    unpacks_to_idx,
)
from chainrule.data.images import (
    AS_THEY_ARE,
    SUFFIXES,
    ImageOptions,
    holds_images,
    read_image_folder,
)
from chainrule.data.labels import (
    class_numbers,
    name_classes,
    regression_targets,
)
from chainrule.data.layout import stand_upright
from chainrule.data.pixels import find_ink
from chainrule.data.preparation import Preparation
from chainrule.data.raw import Examples, RawDataset
from chainrule.data.records import read_records
from chainrule.data.splits import HoldOut
from chainrule.data.synthetic import SYNTHETIC, load_synthetic
from chainrule.data.tables import Table
from chainrule.data.tabular import learn_table, table_inputs
from chainrule.data.target_scale import TargetScale
from chainrule.errors import ArgumentError, ChainruleError, DataError, UnknownNameError
from chainrule.limits import shortened
from chainrule.types import Array

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


def load(
    source: str | Path,
    *,
    data_dir: str | Path | None = None,
    seed: int = 0,
    samples: int | None = None,
    label_column: int | str | None = None,
    task: str | None = None,
    validation: float | int | str | Path | None = 0,
    test: float | int | str | Path | None = None,
    group_column: int | str | None = None,
    image_size: str | None = None,
    grayscale: bool = False,
    flag_missing: bool = False,
) -> Dataset:
    """Load a data set by its name, or from a file or folder.

    Args:
        source: a name of `names()`, or the path of an IDX, NPZ, or table file (CSV, JSON Lines,
            Parquet, Excel), or of a folder of IDX files, of NPY files, or of images by class. A
            name goes before a path: write ``./mnist`` for a folder called like a set.
        data_dir: where to look for sets of the catalog first; else CHAINRULE_DATA.
        seed: of the points of a synthetic set, and of what is held out for validation.
        samples: how many training points to draw of a synthetic set.
        label_column: of a table, by name or position; may be left out where it is called
            ``label`` or by another usual name, or stands beside pixels.
        task: ``"classification"``, or ``"regression"`` for real numbers as targets in a file; if
            left out, a table's label column decides, and `notes` say so.
        validation: how much of the training part to hold out: a fraction, a count, or None for a
            tenth of 500 and more; or a file, or the name of a set, that has this part. Of classes
            each gives its share. The statistics of a table are learnt without it.
        test: the same for the part to judge by in the end, where the source has none of its own;
            which rows it takes does not depend on the seed.
        group_column: of a table, what says which rows belong together, such as those of one
            patient: they stay together when parts are held out.
        image_size: WIDTHxHEIGHT, such as ``"28x28"``: files of images are scaled to it, and cropped
            around their middle where their proportions differ.
        grayscale: make files of images grey.
        flag_missing: give the network, for each column of a table in which the training part lacks
            a value, a flag beside it: 1 where the value is missing, else 0.

    >>> load("digits").class_names
    ('0', '1', '2', '3', '4', '5', '6', '7', '8', '9')

    Raises:
        UnknownNameError: no such name; the message offers the nearest.
        DataError: there is no such file, or it is damaged, ragged, or holds what cannot be
            trained on; the message says where and what to do.
        DownloadError: a set is not on this machine and cannot be downloaded.
    """
    if task is not None:
        find_name(task, ("classification", "regression"), "task")
    asked = ImageOptions.parse(image_size, grayscale)
    held_out = HoldOut(validation, test, seed)
    with _readable(source):
        name, path = _find_known(source), Path(source)
        if samples is not None and name not in SYNTHETIC:
            raise ArgumentError(
                f"samples={samples} is for synthetic data; {source} has its own examples"
            )
        raw = None if name else _read(path, asked)
        if not isinstance(raw, RawDataset):
            _refuse_options(asked, name or path)
        if isinstance(raw, Table):
            dataset = learn_table(
                raw, path, label_column, task, held_out, group_column, flag_missing
            )
        else:
            _refuse_groups(group_column, source)
            _refuse_flags(flag_missing, source)
            whole = (
                _load_known(name, samples, seed, data_dir)
                if raw is None
                else _as_dataset(raw, path, task or "classification", asked)
            )
            dataset = held_out.apply(whole)
            if raw is not None and not dataset.class_names:
                dataset = _scaled(dataset)
    return _with_files(dataset, held_out, source, data_dir, label_column)


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

    Of a set with a test part, that part is taken. The columns of a table are found by their names;
    where it has no header, or the network was not trained on a table, by their order: with exactly
    the columns that the network takes there are no labels; with one more, that is the label column.

    Args:
        source, data_dir, seed: as for `load`; also a single NPY file, and a folder of images
            without classes.
        preparation: of the training data.
        label_column: of a table, where the network was not trained on one.
        labels: whether targets are wanted; if not, they are left out unread.

    >>> inputs = load_inputs("linear", Preparation(shape=(2,), class_names=("0", "1")))
    >>> inputs.x.shape, inputs.y.shape
    ((1000, 2), (1000,))

    Raises:
        UnknownNameError, DataError, DownloadError: as for `load`; and when the examples are
            not of the size the network takes, lack a column, or have labels outside its classes.
    """
    with _readable(source):
        if _find_known(source):
            return _known_inputs(load(source, data_dir=data_dir, seed=seed), preparation, labels)
        path = Path(source)
        raw = (
            _read_file(path)
            if path.is_file()
            else _read_folder(
                path, preparation.images or AS_THEY_ARE, preparation.class_names, needs_labels=False
            )
        )
        if isinstance(raw, Table):
            return table_inputs(raw, preparation, label_column, labels)
        examples = raw.held_out
        x = _prepare(preparation, examples)
        notes = (*raw.notes, *preparation.compare_ink(x))
        if examples.y is None or not labels:
            return Inputs(x, None, examples.ids, notes=notes)
        y = _targets(raw, examples, preparation)
        return Inputs(x, y, examples.ids, notes=notes)


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


def _read(path: Path, options: ImageOptions) -> RawDataset | Table:
    """What a file or a folder holds."""
    return _read_file(path) if path.is_file() else _read_folder(path, options)


def _read_file(path: Path) -> RawDataset | Table:
    """Read a file by what it begins with; its name only decides when that tells nothing."""
    with path.open("rb") as file:
        start = file.read(8)
    suffix = path.suffix.lower()
    if start.startswith(NPY_MAGIC) or suffix == ".npy":
        return read_npy_file(path)
    if start.startswith(PARQUET_MAGIC) or is_excel(path):
        return read_frame(path)
    if start.startswith(OLD_EXCEL_MAGIC):
        raise DataError(f"{path} is an old Excel file: save it as .xlsx or as CSV")
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
    path: Path,
    options: ImageOptions,
    class_names: Sequence[str] | None = None,
    needs_labels: bool = True,
) -> RawDataset:
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


def _load_known(name: str, samples: int | None, seed: int, data_dir: str | Path | None) -> Dataset:
    """A set by its name."""
    if name in SYNTHETIC:
        return load_synthetic(name, samples, seed)
    return load_catalog(name, data_dir)


def _with_files(
    dataset: Dataset,
    held_out: HoldOut,
    source: str | Path,
    data_dir: str | Path | None,
    label_column: int | str | None,
) -> Dataset:
    """A data set with the parts that stand in files of their own, prepared as the training part."""
    for part, file in (("validation", held_out.validation), ("test", held_out.test)):
        if not isinstance(file, (str, Path)):
            continue
        if Path(file).exists() and Path(file).resolve() == Path(source).resolve():
            raise DataError(
                f"{file} is what the network is trained on: for {part}, name another file, or a "
                "fraction such as 0.2 to hold out"
            )
        inputs = load_inputs(
            file,
            dataset.preparation,
            data_dir=data_dir,
            seed=held_out.seed,
            label_column=label_column,
        )
        if inputs.y is None:
            raise DataError(f"{file} has no labels, without which there is no {part}: add them")
        notes = (*dataset.notes, *(f"{file}: {note}" for note in inputs.notes))
        changes: dict[str, Any] = {f"x_{part}": inputs.x, f"y_{part}": inputs.y, "notes": notes}
        dataset = replace(dataset, **changes)
    return dataset


def _known_inputs(dataset: Dataset, preparation: Preparation, labels: bool) -> Inputs:
    """The test part of a set that is known by name. The catalog and the formulas give pixels in
    [0, 1] already, and number the classes."""
    x, y = dataset.x_train, dataset.y_train
    if dataset.x_test is not None and dataset.y_test is not None:
        x, y = dataset.x_test, dataset.y_test
    x = _prepare(replace(preparation, scale=1.0), Examples(x, y, dataset.name))
    if not labels:
        return Inputs(x, None)
    if preparation.class_names is None:
        return Inputs(x, regression_targets(y, dataset.name))
    return Inputs(x, class_numbers(y, dataset.name, preparation.class_names))


def _as_dataset(raw: RawDataset, path: Path, task: str, asked: ImageOptions) -> Dataset:
    y_train = _require_labels(raw.train)
    class_names = None
    if task == "classification":
        class_names = raw.class_names or name_classes(y_train, raw.train.origin)
    images = asked if raw.train.ids is not None else None
    if images is None:
        _refuse_options(asked, path)
    preparation = replace(_infer(raw.train), class_names=class_names, images=images)
    x_train = _prepare(preparation, raw.train)
    preparation = replace(preparation, ink=find_ink(x_train))
    test = raw.test
    if test is not None:
        _require_labels(test)
    return Dataset(
        name=path.stem,
        x_train=x_train,
        y_train=_targets(raw, raw.train, preparation),
        x_test=None if test is None else _prepare(preparation, test),
        y_test=None if test is None else _targets(raw, test, preparation),
        preparation=preparation,
        source=str(path),
        notes=raw.notes,
    )


def _scaled(dataset: Dataset) -> Dataset:
    """A set for regression that knows how its targets are standardized."""
    scale = TargetScale.learn(dataset.y_train)
    return replace(dataset, preparation=replace(dataset.preparation, target_scale=scale))


def _refuse_options(asked: ImageOptions, source: str | Path) -> None:
    if asked != AS_THEY_ARE:
        raise ArgumentError(f"image_size and grayscale are for folders of images, not for {source}")


def _refuse_flags(flag_missing: bool, source: str | Path) -> None:
    if flag_missing:
        raise ArgumentError(f"flag_missing is for the columns of a table, which {source} is not")


def _refuse_groups(group_column: int | str | None, source: str | Path) -> None:
    if group_column is not None:
        raise ArgumentError(
            f"group_column={group_column} is for tables, and {source} is none: for arrays in "
            "Python, cr.datasets.split(x, y, 0.2, groups=…) keeps groups together"
        )


def _targets(raw: RawDataset, examples: Examples, preparation: Preparation) -> Array:
    """What the examples' labels are to a loss. Where the files name the classes, they number these
    already."""
    y, names = _require_labels(examples), preparation.class_names
    if names is not None and raw.class_names is not None:
        return class_numbers(y, examples.origin, names)
    return preparation.targets(y, examples.origin)


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
