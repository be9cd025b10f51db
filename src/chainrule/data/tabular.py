"""Tables as training and prediction take them: examples and targets from named columns."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from chainrule.data.dataset import Dataset, Inputs
from chainrule.data.pixels import find_ink
from chainrule.data.preparation import Preparation
from chainrule.data.splits import HoldOut, in_parts
from chainrule.data.tables.columns import as_texts, refuse_numbers_as_classes
from chainrule.data.tables.labels import (
    guess_task,
    name_classes,
    odd_classes,
    say_regression,
)
from chainrule.data.tables.layout import Layout, find_label
from chainrule.data.tables.table import Table
from chainrule.data.tables.target_scale import TargetScale
from chainrule.errors import DataError
from chainrule.types import Array


def learn_table(
    table: Table,
    path: Path,
    label_column: int | str | None,
    task: str | None,
    held_out: HoldOut,
    group_column: int | str | None,
    flag_missing: bool,
) -> Dataset:
    """A table to train on, and what its columns are; the arguments are those of `load`."""
    table.find_twice()
    if len(table.names) < 2:
        raise DataError(f"{path} has one column: expected features and a label")
    label = find_label(table, label_column)
    y = _cells(table, label, "label")
    group = None if group_column is None else _find_group(table, group_column, label)
    groups = None if group is None else _codes(_cells(table, group, "group"))
    if task is None and y.dtype == object:
        refuse_numbers_as_classes(table, label)
    are_classes = (task or guess_task(y, are_pixels=False)) == "classification"
    rest, validated, tested = held_out.rows(_codes(y) if are_classes else y, groups)
    layout, notes = Layout.learn(table, label, rest, group, flag_missing)
    places = layout.find(table)
    matrix, of_columns = layout.encode(table, places)
    preparation = (
        Preparation.infer(matrix)
        if layout.columns is None
        else Preparation(shape=(matrix.shape[1],))
    )
    guessed = task or guess_task(y, are_pixels=layout.columns is None)
    origin = f"{path} (labels from column {table.describe(label)})"
    class_names = name_classes(y, origin) if guessed == "classification" else None
    preparation = replace(preparation, class_names=class_names, layout=layout)
    x = preparation.finish(matrix)
    targets = preparation.targets(y, origin)
    if class_names is not None:
        scale = None
        notes += odd_classes(targets, class_names)
    else:
        scale = TargetScale.learn(targets[rest])
        if task is None:
            notes.append(say_regression(table.describe(label), y))
    dataset = Dataset(
        name=path.stem,
        x_train=x,
        y_train=targets,
        preparation=replace(preparation, ink=find_ink(x), target_scale=scale),
        source=str(path),
        notes=(*table.notes, *notes, *of_columns),
    )
    return in_parts(dataset, rest, validated, tested)


def _find_group(table: Table, column: int | str, label: int) -> int:
    """The position of the column that says which rows stay together."""
    group = table.find(column)
    if group == label:
        raise DataError(
            f"{table.describe(group)} is the label column: name another one as group_column, or "
            "leave it out"
        )
    return group


def _cells(table: Table, at: int, what: str) -> Array:
    """The column of labels, or of groups. Raises DataError where one is missing."""
    cells = table.column(at)
    for row, cell in enumerate(cells.tolist()):
        if cell is None or cell != cell:
            raise DataError(
                f"{table.place(row, at)} has no {what}: fill it in, or leave the line out"
            )
    return cells


def _codes(cells: Array) -> Array:
    """A whole number for each distinct cell."""
    return np.unique(cells, return_inverse=True)[1]


def table_inputs(
    table: Table, preparation: Preparation, label_column: int | str | None, labels: bool
) -> Inputs:
    """A table to predict or evaluate on; the arguments are those of `load_inputs`."""
    places = preparation.places(table, label_column)
    x, notes = preparation.encode(table, places)
    told = (
        *(*table.notes, *places.notes, *notes),
        *preparation.compare(table, places),
        *preparation.compare_ink(x),
    )
    ids, id_name = None, None
    if places.ids is not None:
        ids = tuple(text or "" for text in as_texts(table.column(places.ids)))
        id_name = table.names[places.ids] or None
    if places.label is None or not labels:
        return Inputs(x, None, ids, id_name, told)
    y = _cells(table, places.label, "label")
    origin = f"{table.origin} (labels from column {table.describe(places.label)})"
    return Inputs(x, preparation.targets(y, origin), ids, id_name, told)
