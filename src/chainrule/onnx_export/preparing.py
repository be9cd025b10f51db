"""What is done to the examples before the network sees them: an ONNX file does it itself."""

from __future__ import annotations

import json

import numpy as np

from chainrule.chain import Chain
from chainrule.data.columns import Column, NumberColumn
from chainrule.data.preparation import Preparation
from chainrule.onnx_export.graph import Graph, Value
from chainrule.types import Shape


def prepared(graph: Graph, x: Value, preparation: Preparation) -> Value:
    """The input as the network takes it, from the input as a file of data holds it: raw pixels, the
    numbers of a table as they stand, and for each category of a text 1 or 0; NaN for what is
    missing."""
    layout = preparation.layout
    if layout is not None and layout.columns is not None:
        return standardized(graph, x, layout.columns)
    if preparation.scale == 1:
        return x
    return Value(graph.node("Div", x.name, graph.constant(preparation.scale)), x.shape)


def given_shape(network: Chain) -> Shape:
    """The shape of one example as `prepared` takes it: flags of what is missing are not in it."""
    preparation = network.preparation
    if preparation is None or preparation.layout is None or preparation.layout.columns is None:
        return network.input_shape
    return (sum(len(input_names(column)) for column in preparation.layout.columns),)


def standardized(graph: Graph, x: Value, columns: tuple[Column, ...]) -> Value:
    """(x - mean) / deviation of the columns of numbers, what training filled in for NaN, and the
    flags of what is NaN."""
    replacements, means, deviations = (
        graph.constant(np.concatenate([statistic(column) for column in columns]))
        for statistic in (replacement, mean, deviation)
    )
    missing = graph.node("IsNaN", x.name)
    filled = graph.node("Where", missing, replacements, x.name)
    numbers = graph.node("Div", graph.node("Sub", filled, means), deviations)
    if not any(column.flagged for column in columns):
        return Value(numbers, x.shape)
    kind = graph.onnx.helper.np_dtype_to_tensor_dtype(graph.dtype)
    both = graph.node("Concat", numbers, graph.node("Cast", missing, to=kind), axis=1)
    places = with_flags(columns)
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


def described(preparation: Preparation) -> dict[str, str]:
    """What the file says of inputs and outputs beside their shapes, as JSON."""
    said = {}
    if preparation.class_names is not None:
        said["class_names"] = list(preparation.class_names)
    if preparation.layout is not None and preparation.layout.columns is not None:
        said["columns"] = [
            name for column in preparation.layout.columns for name in input_names(column)
        ]
    return {key: json.dumps(names) for key, names in said.items()}


def input_names(column: Column) -> list[str]:
    """What the inputs that a column becomes are called: ``size``, or ``colour=red``, …"""
    if isinstance(column, NumberColumn):
        return [column.name]
    return [f"{column.name}={category}" for category in column.categories]
