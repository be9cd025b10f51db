"""Layers made of layers: their parts one after the other, joined by an operator."""

from __future__ import annotations

import numpy as np

from chainrule.layers import Concatenate, Gated, Residual, Sequential
from chainrule.onnx_export.forms import form_of, write
from chainrule.onnx_export.graph import Graph, Value


@form_of(Sequential)
def sequential(graph: Graph, layer: Sequential, x: Value) -> str:
    for name, inner in layer.children().items():
        x = write(graph, inner, x, name)
    return x.name


@form_of(Residual)
def residual(graph: Graph, layer: Residual, x: Value) -> str:
    ends = [write(graph, inner, x, name).name for name, inner in layer.children().items()]
    return graph.node("Add", *ends, *([x.name] if layer.shortcut is None else []))


@form_of(Gated)
def gated(graph: Graph, layer: Gated, x: Value) -> str:
    factors = write(graph, layer.gate, x, "gate").name
    if layer.pixels:
        spread = [0, *(1 for _ in layer.pixels), x.shape[-1]]  # 0: the batch axis as before
        factors = graph.node("Reshape", factors, graph.constant(spread, np.int64))
    return graph.node("Mul", x.name, factors)


@form_of(Concatenate)
def concatenate(graph: Graph, layer: Concatenate, x: Value) -> str:
    ends = [write(graph, inner, x, name).name for name, inner in layer.children().items()]
    return graph.node("Concat", *ends, axis=-1)
