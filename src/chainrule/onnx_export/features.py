"""Dense layers, normalization, and layers that only rearrange."""

from __future__ import annotations

import numpy as np

from chainrule.layers import BatchNorm, Dense, Flatten, LayerNorm, Reshape
from chainrule.onnx_export.forms import form_of
from chainrule.onnx_export.graph import Graph, Value


@form_of(Dense)
def dense(graph: Graph, layer: Dense, x: Value) -> str:
    if not layer.bias:
        return graph.node("MatMul", x.name, graph.parameter(layer, "W"))
    return graph.node("Gemm", x.name, graph.parameter(layer, "W"), graph.parameter(layer, "b"))


@form_of(BatchNorm)
def batch_norm(graph: Graph, layer: BatchNorm, x: Value) -> str:
    """ONNX has the channels on axis 1; here they are on the last."""
    last = len(x.shape)
    to_first = [0, last, *range(1, last)]
    arrays = [
        graph.parameter(layer, name)
        for name in ("gamma", "beta", "running_mean", "running_variance")
    ]
    given = x.name if last == 1 else graph.turned(x.name, to_first)
    y = graph.node("BatchNormalization", given, *arrays, epsilon=layer.epsilon)
    return y if last == 1 else graph.turned(y, np.argsort(to_first).tolist())


@form_of(LayerNorm)
def layer_norm(graph: Graph, layer: LayerNorm, x: Value) -> str:
    arrays = [graph.parameter(layer, name) for name in ("gamma", "beta")]
    return graph.node("LayerNormalization", x.name, *arrays, axis=-1, epsilon=layer.epsilon)


@form_of(Flatten)
def flatten(graph: Graph, layer: Flatten, x: Value) -> str:
    return graph.node("Flatten", x.name)


@form_of(Reshape)
def reshape(graph: Graph, layer: Reshape, x: Value) -> str:
    as_before = 0  # the batch axis
    return graph.node("Reshape", x.name, graph.constant([as_before, *layer.shape], np.int64))
