"""The one door to all data: a name or a path goes in, a `Dataset` comes out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from chainrule.configurable import find_name
from chainrule.data.catalog import load_catalog
from chainrule.data.dataset import Dataset, Inputs
from chainrule.data.examples import example_inputs, learn_examples, prepare
from chainrule.data.preparation import Preparation
from chainrule.data.readers.images import AS_THEY_ARE, ImageOptions
from chainrule.data.readers.raw import Examples, RawDataset
from chainrule.data.reading import find_known, read, readable
from chainrule.data.repeats import find_repeats
from chainrule.data.splits import HoldOut
from chainrule.data.synthetic import SYNTHETIC, load_synthetic
from chainrule.data.tables.labels import class_numbers, regression_targets
from chainrule.data.tables.table import Table
from chainrule.data.tabular import learn_table, table_inputs
from chainrule.errors import ArgumentError, DataError
from chainrule.system.processes import ALONE, Processes


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
    processes: Processes = ALONE,
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
        processes: those that load the same together. Each looks for numbers that cannot be trained
            on in its share of the arrays; the first compares the parts.

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
    with readable(source):
        name, path = find_known(source), Path(source)
        if samples is not None and name not in SYNTHETIC:
            raise ArgumentError(
                f"samples={samples} is for synthetic data; {source} has its own examples"
            )
        raw = None if name else read(path, asked)
        if not isinstance(raw, RawDataset) or raw.train.ids is None:
            _refuse_image_options(asked, name or path)
        if not isinstance(raw, Table):
            _refuse_groups(group_column, source)
            _refuse_flags(flag_missing, source)
        if raw is None:
            dataset = held_out.apply(_load_known(name, samples, seed, data_dir))
        elif isinstance(raw, Table):
            dataset = learn_table(
                raw, path, label_column, task, held_out, group_column, flag_missing
            )
        else:
            raw.check_usable(processes)
            dataset = learn_examples(raw, path, task, asked, held_out)
        dataset = _with_files(dataset, held_out, source, data_dir, label_column, processes)
        is_known = raw is None and not isinstance(test, (str, Path))
        return dataset if is_known or not processes.is_first else _with_repeats(dataset)


def load_inputs(
    source: str | Path,
    preparation: Preparation,
    *,
    data_dir: str | Path | None = None,
    seed: int = 0,
    label_column: int | str | None = None,
    labels: bool = True,
    processes: Processes = ALONE,
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
        processes: as for `load`.

    >>> inputs = load_inputs("linear", Preparation(shape=(2,), class_names=("0", "1")))
    >>> inputs.x.shape, inputs.y.shape
    ((1000, 2), (1000,))

    Raises:
        UnknownNameError, DataError, DownloadError: as for `load`; and when the examples are
            not of the size the network takes, lack a column, or have labels outside its classes.
    """
    with readable(source):
        if find_known(source):
            return _known_inputs(load(source, data_dir=data_dir, seed=seed), preparation, labels)
        images = preparation.images or AS_THEY_ARE
        raw = read(Path(source), images, preparation.class_names, needs_labels=False)
        if isinstance(raw, Table):
            return table_inputs(raw, preparation, label_column, labels)
        raw.check_usable(processes)
        return example_inputs(raw, preparation, labels)


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
    processes: Processes,
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
            processes=processes,
        )
        if inputs.y is None:
            raise DataError(f"{file} has no labels, without which there is no {part}: add them")
        notes = (*dataset.notes, *(f"{file}: {note}" for note in inputs.notes))
        changes: dict[str, Any] = {f"x_{part}": inputs.x, f"y_{part}": inputs.y, "notes": notes}
        dataset = replace(dataset, **changes)
    return dataset


def _with_repeats(dataset: Dataset) -> Dataset:
    """A data set that says which of its test examples are trained on too; of those to validate on,
    `fit` warns."""
    if dataset.x_test is None or dataset.y_test is None:
        return dataset
    parts = (dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test)
    note = find_repeats(*parts).note("test")
    return dataset if note is None else replace(dataset, notes=(*dataset.notes, note))


def _known_inputs(dataset: Dataset, preparation: Preparation, labels: bool) -> Inputs:
    """The test part of a set that is known by name. The catalog and the formulas give pixels in
    [0, 1] already, and number the classes."""
    x, y = dataset.x_train, dataset.y_train
    if dataset.x_test is not None and dataset.y_test is not None:
        x, y = dataset.x_test, dataset.y_test
    x = prepare(replace(preparation, scale=1.0), Examples(x, y, dataset.name))
    if not labels:
        return Inputs(x, None)
    if preparation.class_names is None:
        return Inputs(x, regression_targets(y, dataset.name))
    return Inputs(x, class_numbers(y, dataset.name, preparation.class_names))


def _refuse_image_options(asked: ImageOptions, source: str | Path) -> None:
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
