"""What is done to the examples before the network sees them, and to what it puts out: an ONNX file
does it itself, and says in its metadata what that is."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from chainrule.chain import Chain
from chainrule.data.preparation import Preparation
from chainrule.data.tables.columns import Column, NumberColumn
from chainrule.data.tables.target_scale import TargetScale
from chainrule.onnx_export.graph import Graph, Value
from chainrule.types import Array, Shape

PREPARATION = "chainrule.preparation"  # the entry of the metadata that has all of it


def prepared(graph: Graph, x: Value, preparation: Preparation) -> Value:
    """The input as the network takes it, from the input as a file of data holds it: raw pixels, the
    numbers of a table as they stand, and for each category of a text 1 or 0; NaN for what is
    missing."""
    name = x.name
    for operator, values in operations(preparation):
        constant = graph.constant(values)
        if operator == "Where":
            name = graph.node("Where", graph.node("IsNaN", name), constant, name)
        else:
            name = graph.node(operator, name, constant)
    if has_flags(preparation):
        return beside_flags(graph, x, name, columns_of(preparation))
    return Value(name, x.shape)


def operations(preparation: Preparation) -> list[tuple[str, Array]]:
    """The operators that prepare x, in order, each with its constant: Where fills in missing values
    (NaN), Sub subtracts means, Div divides by deviations, or by the scale of pixels."""
    columns = columns_of(preparation)
    statistics = (("Where", replacement), ("Sub", mean), ("Div", deviation))
    return [
        *(
            (operator, np.concatenate([statistic(column) for column in columns]))
            for operator, statistic in statistics
            if columns
        ),
        *([("Div", np.array(preparation.scale))] if preparation.scale != 1 else []),
    ]


def columns_of(preparation: Preparation | None) -> tuple[Column, ...]:
    """The columns of a table; none where there is no table."""
    layout = None if preparation is None else preparation.layout
    return () if layout is None else layout.columns or ()


def has_flags(preparation: Preparation | None) -> bool:
    """True if the network is shown which values were missing."""
    return any(column.flagged for column in columns_of(preparation))


def given_shape(network: Chain) -> Shape:
    """The shape of one example as `prepared` takes it: flags of what is missing are not in it."""
    columns = columns_of(network.preparation)
    if not columns:
        return network.input_shape
    return (sum(len(input_names(column)) for column in columns),)


def beside_flags(graph: Graph, x: Value, numbers: str, columns: tuple[Column, ...]) -> Value:
    """The numbers of each column, with the flags of what is NaN in x."""
    kind = graph.onnx.helper.np_dtype_to_tensor_dtype(graph.dtype)
    flags = graph.node("Cast", graph.node("IsNaN", x.name), to=kind)
    places = with_flags(columns)
    both = graph.node("Concat", numbers, flags, axis=1)
    chosen = graph.node("Gather", both, graph.constant(places, np.int64), axis=1)
    return Value(chosen, (len(places),))


def replacement(column: Column) -> list[float]:
    """What stands for NaN in the inputs of a column: the median, or the most frequent category."""
    if isinstance(column, NumberColumn):
        return [column.median]
    return [float(category == column.mode) for category in column.categories]


def mean(column: Column) -> list[float]:
    """What is subtracted from the inputs of a column: of categories, nothing."""
    return [column.mean] if isinstance(column, NumberColumn) else [0.0] * len(column.categories)


def deviation(column: Column) -> list[float]:
    """What the inputs of a column are divided by: categories stay as they are."""
    if isinstance(column, NumberColumn):
        return [column.deviation]
    return [1.0] * len(column.categories)


def with_flags(columns: tuple[Column, ...]) -> list[int]:
    """Where the numbers of each column, and its flag, stand among all inputs, behind which there
    is a flag for each of these."""
    sizes = [len(input_names(column)) for column in columns]
    places, first = [], 0
    for column, size in zip(columns, sizes, strict=True):
        places += [*range(first, first + size), *[sum(sizes) + first] * column.flagged]
        first += size
    return places


def restored(graph: Graph, y: str, shape: Shape, scale: TargetScale | None) -> str:
    """The outputs in the unit of the targets."""
    for operator, values in restoring(scale):
        constant = graph.constant(np.reshape(values, shape) if values.ndim else values)
        y = graph.node(operator, y, constant)
    return y


def restoring(scale: TargetScale | None) -> list[tuple[str, Array]]:
    """The operators that bring y into the unit of the targets: y · deviation + mean."""
    if scale is None:
        return []
    return [("Mul", np.array(scale.deviation)), ("Add", np.array(scale.means))]


def described(preparation: Preparation) -> dict[str, str]:
    """What the file says of inputs and outputs beside their shapes, as JSON."""
    said: dict[str, Any] = {}
    if preparation.class_names is not None:
        said["class_names"] = list(preparation.class_names)
    if preparation.columns is not None:
        said["columns"] = [name for column in preparation.columns for name in input_names(column)]
    if preparation != Preparation():
        said[PREPARATION] = preparation.as_plain()
    return {key: json.dumps(value) for key, value in said.items()}


def input_names(column: Column) -> list[str]:
    """What the inputs that a column becomes are called: ``size``, or ``colour=red``, …"""
    if isinstance(column, NumberColumn):
        return [column.name]
    return [f"{column.name}={category}" for category in column.categories]
