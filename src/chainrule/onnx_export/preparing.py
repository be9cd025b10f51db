"""What is done to the examples before the network sees them, and to what it puts out: an ONNX file
does it itself."""

from __future__ import annotations

import json

import numpy as np

from chainrule.data.columns import Column, NumberColumn
from chainrule.data.preparation import Preparation
from chainrule.data.target_scale import TargetScale
from chainrule.onnx_export.graph import Graph, Value
from chainrule.types import Shape


def prepared(graph: Graph, x: Value, preparation: Preparation) -> Value:
    """The input as the network takes it, from the input as a file of data holds it: raw pixels, the
    numbers of a table as they stand, and for each category of a text 1 or 0."""
    layout = preparation.layout
    if layout is not None and layout.columns is not None:
        return standardized(graph, x, layout.columns)
    if preparation.scale == 1:
        return x
    return Value(graph.node("Div", x.name, graph.constant(preparation.scale)), x.shape)


def standardized(graph: Graph, x: Value, columns: tuple[Column, ...]) -> Value:
    """(x - mean) / deviation of the columns of numbers, the median in the place of NaN."""
    medians, means, deviations = (
        graph.constant(np.concatenate([of_numbers(column, name, other) for column in columns]))
        for name, other in (("median", 0.0), ("mean", 0.0), ("deviation", 1.0))
    )
    filled = graph.node("Where", graph.node("IsNaN", x.name), medians, x.name)
    return Value(graph.node("Div", graph.node("Sub", filled, means), deviations), x.shape)


def of_numbers(column: Column, statistic: str, other: float) -> list[float]:
    """A statistic of a column of numbers; `other` for each category, which stays as it is."""
    if isinstance(column, NumberColumn):
        return [getattr(column, statistic)]
    return [other] * column.width


def restored(graph: Graph, y: str, shape: Shape, scale: TargetScale | None) -> str:
    """The outputs in the unit of the targets: y · deviation + mean."""
    if scale is None:
        return y
    means = graph.constant(np.reshape(scale.means, shape))
    return graph.node("Add", graph.node("Mul", y, graph.constant(scale.deviation)), means)


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
