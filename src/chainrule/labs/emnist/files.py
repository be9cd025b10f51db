"""The lab's files: those it gives, and the one that is handed in."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

import chainrule as cr
from chainrule.data.splits import split
from chainrule.errors import DataError
from chainrule.labs.emnist.networks import CLASSES
from chainrule.labs.emnist.size import Size
from chainrule.types import Array

HEADER = ["Id", "Category"]


class Files(NamedTuple):
    """What train.csv and test.csv hold."""

    x: Array
    y: Array
    validation: tuple[Array, Array]
    x_test: Array


def load_emnist(size: Size, data_dir: Path | None) -> cr.datasets.Dataset:
    """As many images as the size asks for."""
    emnist = cr.datasets.load("emnist47", data_dir=data_dir)
    return replace(
        emnist,
        x_train=emnist.x_train[: size.images],
        y_train=emnist.y_train[: size.images],
        x_test=np.asarray(emnist.x_test)[: size.test],
        y_test=np.asarray(emnist.y_test)[: size.test],
    )


@lru_cache(maxsize=1)
def read_files(folder: Path, validation: int) -> Files:
    """Both files, read once by each process that trains."""
    train = cr.datasets.load(folder / "train.csv")
    test = cr.datasets.load_inputs(folder / "test.csv", train.preparation, labels=False)
    (x, y), held_out = split(train.x_train, train.y_train, validation)
    return Files(x, y, held_out, test.x)


def check_same(read: Array, written: Array | None) -> None:
    """Refuse a file from which something else is read than was written."""
    if not np.array_equal(read, np.asarray(written)):
        raise DataError("a CSV file does not hold what was written to it: is the disk full?")


def as_csv(predictions: Array) -> bytes:
    """The file to hand in: a header, then number and class of each test image."""
    lines = [",".join(HEADER), *(f"{number},{label}" for number, label in enumerate(predictions))]
    return ("\n".join(lines) + "\n").encode()


def check_predictions(content: bytes, count: int) -> Array:
    """The classes in a file that is ready to be handed in.

    Raises:
        DataError: it has another header, another number of lines than `count`, numbers out of
            order, or what is no whole number of a class.
    """
    header, *rows = csv.reader(io.StringIO(content.decode())) if content else [[]]
    if header != HEADER:
        raise DataError(f"predictions begin with {','.join(HEADER)}, received {','.join(header)!r}")
    if len(rows) != count:
        raise DataError(f"expected {count} predictions, one for each image, received {len(rows)}")
    for number, row in enumerate(rows):
        if len(row) != 2 or row[0] != str(number):
            raise DataError(f"line {number + 2} should begin with {number}, received {row}")
        if not row[1].isdecimal() or int(row[1]) >= CLASSES:
            raise DataError(
                f"line {number + 2}: expected a class from 0 to {CLASSES - 1}, received {row[1]!r}"
            )
    return np.array([int(label) for _, label in rows])
