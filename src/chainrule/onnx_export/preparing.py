"""What is done to the examples before the network sees them: an ONNX file does it itself, and says
in its metadata what that is."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from chainrule.data.columns import Column, NumberColumn
from chainrule.data.preparation import Preparation
from chainrule.onnx_export.graph import Graph, Value
from chainrule.types import Array

PREPARATION = "chainrule.preparation"  # the entry of the metadata that has all of it


def prepared(graph: Graph, x: Value, preparation: Preparation) -> Value:
    """The input as the network takes it, from the input as a file of data holds it: raw pixels, the
    numbers of a table as they stand, and for each category of a text 1 or 0."""
    name = x.name
    for operator, values in operations(preparation):
        constant = graph.constant(values)
        if operator == "Where":
            name = graph.node("Where", graph.node("IsNaN", name), constant, name)
        else:
            name = graph.node(operator, name, constant)
    return Value(name, x.shape)


def operations(preparation: Preparation) -> list[tuple[str, Array]]:
    """The operators that prepare x, in order, each with its constant: Where puts medians in the
    place of NaN, Sub subtracts means, Div divides by deviations, or by the scale of pixels."""
    layout = preparation.layout
    columns = () if layout is None else layout.columns or ()
    statistics = (("Where", "median", 0.0), ("Sub", "mean", 0.0), ("Div", "deviation", 1.0))
    return [
        *(
            (operator, np.concatenate([of_numbers(column, name, other) for column in columns]))
            for operator, name, other in statistics
            if columns
        ),
        *([("Div", np.array(preparation.scale))] if preparation.scale != 1 else []),
    ]


def of_numbers(column: Column, statistic: str, other: float) -> list[float]:
    """A statistic of a column of numbers; `other` for each category, which stays as it is."""
    if isinstance(column, NumberColumn):
        return [getattr(column, statistic)]
    return [other] * column.width


def described(preparation: Preparation) -> dict[str, str]:
    """What the file says of inputs and outputs beside their shapes, as JSON."""
    said: dict[str, Any] = {}
    if preparation.class_names is not None:
        said["class_names"] = list(preparation.class_names)
    if preparation.layout is not None and preparation.layout.columns is not None:
        said["columns"] = [
            name for column in preparation.layout.columns for name in input_names(column)
        ]
    if preparation != Preparation():
        said[PREPARATION] = preparation.as_plain()
    return {key: json.dumps(value) for key, value in said.items()}


def input_names(column: Column) -> list[str]:
    """What the inputs that a column becomes are called: ``size``, or ``colour=red``, …"""
    if isinstance(column, NumberColumn):
        return [column.name]
    return [f"{column.name}={category}" for category in column.categories]
