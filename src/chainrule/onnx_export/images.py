"""Convolutions and pools. ONNX has the channels first: ``(N, channels, height, width)``, and
``(N, channels, length)``.

Each layer turns its input to channels first and its output back. Two turns that meet undo each
other, and the programs that run ONNX leave them out.
"""

from __future__ import annotations

from typing import Any

from chainrule.layers import (
    AveragePool2D,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    Layer,
    MaxPool2D,
)
from chainrule.layers.windows import Windows
from chainrule.onnx_export.forms import form_of
from chainrule.onnx_export.graph import Graph, Value

CHANNELS_FIRST, CHANNELS_LAST = (0, 3, 1, 2), (0, 2, 3, 1)
EXCHANGED = (0, 2, 1)  # of sequences, in both directions
OUT_IN_LENGTH = (2, 1, 0)  # of their kernels here
OUT_IN_HEIGHT_WIDTH, IN_OUT_HEIGHT_WIDTH = (3, 2, 0, 1), (2, 3, 0, 1)  # of the kernels here
GLOBAL_POOLS: dict[type[Layer], str] = {
    GlobalAveragePool2D: "GlobalAveragePool",
    GlobalMaxPool2D: "GlobalMaxPool",
}


@form_of(Conv2D)
def convolution(graph: Graph, layer: Conv2D, x: Value) -> str:
    arrays = [graph.parameter(layer, "W", OUT_IN_HEIGHT_WIDTH), *bias(graph, layer)]
    return over_windows(graph, "Conv", x, arrays, layer.windows, group=layer.groups)


@form_of(Conv1D)
def convolution_over_sequence(graph: Graph, layer: Conv1D, x: Value) -> str:
    windows = layer.windows
    y = graph.node(
        "Conv",
        graph.turned(x.name, EXCHANGED),
        graph.parameter(layer, "W", OUT_IN_LENGTH),
        *bias(graph, layer),
        kernel_shape=windows.kernel_size[1:],
        strides=windows.stride[1:],
        dilations=windows.dilation[1:],
        pads=[windows.before[1], windows.after[1]],
        group=layer.groups,
    )
    return graph.turned(y, EXCHANGED)


@form_of(ConvTranspose2D)
def transposed_convolution(graph: Graph, layer: ConvTranspose2D, x: Value) -> str:
    arrays = [graph.parameter(layer, "W", IN_OUT_HEIGHT_WIDTH), *bias(graph, layer)]
    more = {"group": layer.groups, "output_padding": rows_beyond(layer.windows)}
    return over_windows(graph, "ConvTranspose", x, arrays, layer.windows, **more)


def rows_beyond(windows: Windows) -> list[int]:
    """How many rows and columns of the padded image lie beyond the last window."""
    settings = zip(
        *(windows.padded, windows.positions, windows.stride),
        *(windows.dilation, windows.kernel_size),
        strict=True,
    )
    return [size - ((count - 1) * step + (k - 1) * d + 1) for size, count, step, d, k in settings]


@form_of(MaxPool2D)
def max_pool(graph: Graph, layer: MaxPool2D, x: Value) -> str:
    return over_windows(graph, "MaxPool", x, [], layer.windows)


@form_of(AveragePool2D)
def average_pool(graph: Graph, layer: AveragePool2D, x: Value) -> str:
    counts = int(layer.padding != "same")
    return over_windows(graph, "AveragePool", x, [], layer.windows, count_include_pad=counts)


@form_of(*GLOBAL_POOLS)
def global_pool(graph: Graph, layer: GlobalAveragePool2D | GlobalMaxPool2D, x: Value) -> str:
    pooled = graph.node(GLOBAL_POOLS[type(layer)], graph.turned(x.name, CHANNELS_FIRST))
    return graph.node("Flatten", pooled)


def over_windows(
    graph: Graph, operator: str, x: Value, arrays: list[str], windows: Windows, **more: Any
) -> str:
    """An operator that visits windows."""
    y = graph.node(
        operator,
        graph.turned(x.name, CHANNELS_FIRST),
        *arrays,
        kernel_shape=windows.kernel_size,
        strides=windows.stride,
        dilations=windows.dilation,
        pads=[*windows.before, *windows.after],
        **more,
    )
    return graph.turned(y, CHANNELS_LAST)


def bias(graph: Graph, layer: Conv1D | Conv2D | ConvTranspose2D) -> list[str]:
    """The name of b, where the layer has one."""
    return [graph.parameter(layer, "b")] if layer.bias else []
