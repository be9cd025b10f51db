"""The whole network of an ONNX file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike

from chainrule.errors import ModelFileError
from chainrule.layers import Identity
from chainrule.limits import shortened
from chainrule.model_file import check_preparation
from chainrule.network import Network
from chainrule.onnx_import import features, images, joins, values
from chainrule.onnx_import.graph import Graph, Step, read_graph
from chainrule.onnx_import.growing import Growing, channels_first
from chainrule.onnx_import.node import Node
from chainrule.onnx_import.operators import follow
from chainrule.onnx_import.preparing import after_preparation, shape_taken, stored_preparation
from chainrule.tensor_file import DAMAGE
from chainrule.types import Shape

__all__ = ["features", "from_onnx", "images", "joins", "read", "values"]

# What takes channels on axis 1, and what depends on the order of the axes in another way.
TAKE_CHANNELS_FIRST = {
    *("Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"),
    *("BatchNormalization", "ReduceMean", "ReduceMax"),
}
TAKE_THEM_AS_THEY_ARE = {
    *("Transpose", "Flatten", "Reshape", "Gemm", "MatMul", "Concat"),
    *("Softmax", "LogSoftmax", "LayerNormalization"),
}


def from_onnx(path: str | PathLike[str]) -> Network:
    """A network from an ONNX file, ready to predict, and to train further.

    Images have the channels last here, ``(N, height, width, channels)``, also where the file has
    them first: `network.input_shape` says what the network takes. What the file says and no layer
    of chainrule does is refused, never passed over. Weights that two nodes share are two layers'
    here, which further training moves apart. Where chainrule wrote the file, the scaling of pixels
    and columns in it is `network.preparation` again, and predictions are those of the network that
    was written.

    Raises:
        ModelFileError: no ONNX file, a damaged one, or one with an operator or a setting that no
            layer of chainrule has; the message names the node.
        MissingPackageError: the package onnx is not installed.
    """
    try:
        return read(read_graph(path)).network
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from None
    except DAMAGE as error:
        reason = shortened(str(error))
        raise ModelFileError(f"{path} is damaged: no network comes of it ({reason})") from error


@dataclass(frozen=True)
class Reading:
    """A network, and where each axis of ONNX's input and output comes from here."""

    network: Network
    axes_of_x: Shape
    axes_of_y: Shape


def read(graph: Graph) -> Reading:
    """The network that a graph describes."""
    preparation = stored_preparation(graph)
    steps, rank = after_preparation(graph, preparation), len(graph.shape) + 1
    if rank < 2:
        raise ModelFileError("its input has no axis but that of the examples")
    axes = input_axes(steps, rank)
    taken = shape_taken(graph, preparation)
    shape = tuple(taken[axes.index(axis) - 1] for axis in range(1, rank))
    row = follow(steps, Growing(shape, axes, None, {}))
    as_here = tuple(range(row.rank))
    if row.features is not None or row.axes not in (as_here, channels_first(row.rank)):
        raise ModelFileError("its output lies in an order of axes that no network here gives")
    network = Network(row.layers or [Identity()], shape, dtype=graph.dtype)
    for layer, arrays in row.weights.items():
        for name, array in arrays.items():
            getattr(layer, name)[...] = array
    if preparation is not None:
        check_preparation(preparation, network)
        network.preparation = preparation
    return Reading(network, axes, row.axes)


def input_axes(steps: list[Step], rank: int) -> Shape:
    """Where each axis of ONNX's input comes from here: channels are turned to the last axis if the
    first node that depends on the order takes them on axis 1."""
    for node in nodes_in(steps):
        if node.operator in TAKE_CHANNELS_FIRST:
            return channels_first(rank)
        if node.operator in TAKE_THEM_AS_THEY_ARE:
            break
    return tuple(range(rank))


def nodes_in(steps: list[Step]) -> Iterator[Node]:
    """The nodes of these steps, those of ways before the one that joins them."""
    for step in steps:
        for way in step.ways:
            yield from nodes_in(way)
        yield step.node
