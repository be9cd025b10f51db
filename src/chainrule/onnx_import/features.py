"""Dense layers, normalization, and what only rearranges."""

from __future__ import annotations

import math

import numpy as np

from chainrule.layers import BatchNorm, Dense, Flatten, LayerNorm, Reshape
from chainrule.onnx_import.growing import Growing
from chainrule.onnx_import.node import Node
from chainrule.onnx_import.operators import reads
from chainrule.presentation.display import counted
from chainrule.types import Array, Shape


@reads("Gemm")
def gemm(node: Node, row: Growing) -> None:
    expect_flat(node, row)
    node.expect("transA", 0, 0)
    node.attribute("broadcast")  # of versions before 7, which needed it for any bias
    W = node.weights(1).T if node.attribute("transB", 0) else node.weights(1)
    b = node.array(2)
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    with np.errstate(all="ignore"):  # what is too large is refused where it is added
        W, b = alpha * W, None if b is None else beta * b
    add_dense(node, row, W, b)


@reads("MatMul")
def matmul(node: Node, row: Growing) -> None:
    expect_flat(node, row)
    W = node.weights(1)
    if W.ndim != 2:
        node.refuse(f"multiplies by an array of shape {W.shape}; a Dense layer has (in, out)")
    add_dense(node, row, W, None)


@reads("Add")
def add_bias(node: Node, row: Growing) -> None:
    """A constant after a product of matrices: its bias."""
    place = next(n for n, name in enumerate(node.inputs) if name in node.constants)
    b = node.weights(place)
    last = row.layers[-1] if row.layers else None
    if not isinstance(last, Dense) or last.bias:
        node.refuse("adds a constant, which chainrule has in Dense layers alone")
    W = row.weights.pop(last)["W"]
    row.layers.pop()
    row.shape = W.shape[:1]
    add_dense(node, row, W, b)


def add_dense(node: Node, row: Growing, W: Array, b: Array | None) -> None:
    """A Dense layer with these weights, for features in our order."""
    W, row.features = row.our_order(W), None
    outputs = W.shape[1]
    if b is None:
        row.add(Dense(outputs, bias=False), W=W)
        return
    if b.size != 1 and (b.size, b.shape[-1]) != (outputs, outputs):
        node.refuse(f"adds an array of shape {b.shape}; a Dense layer adds ({outputs},)")
    row.add(Dense(outputs), W=W, b=np.broadcast_to(b.reshape(-1), outputs))


def expect_flat(node: Node, row: Growing) -> None:
    """Refuse all but rows of features, in the first place."""
    if row.rank != 2 or node.inputs[0] in node.constants:
        node.refuse(
            "does not multiply rows of features (N, features) by a constant, as Dense layers do"
        )


@reads("BatchNormalization")
def batch_norm(node: Node, row: Growing) -> None:
    if row.rank < 2 or not row.has_channels_first:
        node.refuse("is given values whose channels are not on axis 1")
    node.expect("training_mode", 0, 0)
    node.expect("spatial", 1, 1)
    if node.opset < 7:
        node.expect("is_test", 1, 0)
    names = ("gamma", "beta", "running_mean", "running_variance")
    given = {name: node.weights(place) for place, name in enumerate(names, start=1)}
    layer = BatchNorm(1 - node.attribute("momentum", 0.9), node.attribute("epsilon", 1e-5))
    row.add(layer, **{name: row.our_order(array) for name, array in given.items()})


@reads("LayerNormalization")
def layer_norm(node: Node, row: Growing) -> None:
    axis = node.attribute("axis", -1)
    if axis % row.rank != row.rank - 1 or not row.is_last(axis):
        node.refuse(f"goes over the axes from {axis} on; LayerNorm of chainrule over the last")
    node.expect("stash_type", 1, 1)
    gamma, beta = node.weights(1), node.array(2)
    beta = np.zeros_like(gamma) if beta is None else beta
    layer = LayerNorm(node.attribute("epsilon", 1e-5))
    row.add(layer, gamma=row.our_order(gamma), beta=row.our_order(beta))


@reads("Transpose")
def transpose(node: Node, row: Growing) -> None:
    """No layer: the axes lie in another order in ONNX alone."""
    order = node.attribute("perm", list(range(row.rank))[::-1])
    if order[0] != 0:
        node.refuse(f"moves the axis of the examples: perm={order}")
    row.axes = tuple(row.axes[axis] for axis in order)


@reads("Flatten")
def flatten(node: Node, row: Growing) -> None:
    axis = node.attribute("axis", 1)
    if axis % row.rank != 1:
        node.refuse(f"has axis={axis}; Flatten of chainrule makes a row of each example (axis=1)")
    make_flat(row)


@reads("Reshape")
def reshape(node: Node, row: Growing) -> None:
    target = [int(size) for size in node.weights(1)]
    if node.attribute("allowzero", 0) and 0 in target:
        node.refuse(f"gives examples of no numbers: allowzero=1, shape {target}")
    there = (0, *row.shape_there)
    sizes = [there[n] if size == 0 and n < len(there) else size for n, size in enumerate(target)]
    shape = example_shape(node, sizes, math.prod(row.shape))
    if len(shape) == 1:
        make_flat(row)
    elif row.features is not None or row.order_when_flat() is not None:
        node.refuse("gives another shape to values that lie in another order in ONNX than here")
    else:
        row.add(Reshape(shape))
        row.axes = tuple(range(len(shape) + 1))


def example_shape(node: Node, sizes: list[int], count: int) -> Shape:
    """The shape of an example of so many numbers, from sizes of which one may be -1."""
    batch, *rest = sizes
    if batch not in (0, -1, node.batch_size):
        node.refuse(f"gives the axis of the examples the size {batch}")
    known = math.prod(size for size in rest if size != -1)
    shape = tuple(count // max(known, 1) if size == -1 else size for size in rest)
    if not rest or math.prod(shape) != count:
        node.refuse(f"gives examples of {counted(count, 'number')} the shape {sizes}")
    return shape


def make_flat(row: Growing) -> None:
    """Make a row of each example, in the order that ONNX has."""
    if row.rank == 2:
        return
    row.features = row.order_when_flat()
    row.add(Flatten())
    row.axes = (0, 1)
