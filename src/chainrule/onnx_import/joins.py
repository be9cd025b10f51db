"""Where two ways meet: residual blocks, branches side by side, and gates."""

from __future__ import annotations

import numpy as np

from chainrule.layers import Concatenate, Flatten, Gated, Identity, Layer, Residual, Sigmoid, SiLU
from chainrule.onnx_import.growing import Growing
from chainrule.onnx_import.node import Node
from chainrule.onnx_import.operators import joins, reads


@joins("Add")
def residual(node: Node, row: Growing, ways: list[Growing]) -> None:
    expect_alike(node, ways)
    if ways[0].shape != ways[1].shape:
        node.refuse(f"adds examples of shapes {ways[0].shape} and {ways[1].shape}")
    branch, shortcut = sorted((way.layers for way in ways), key=len, reverse=True)
    layer = Residual(branch or [Identity()], shortcut or None)
    row.axes, row.features = ways[0].axes, ways[0].features
    row.add(layer)


@joins("Concat")
def concatenate(node: Node, row: Growing, ways: list[Growing]) -> None:
    expect_alike(node, ways)
    axis = node.attribute("axis")
    if not ways[0].is_last(axis) or ways[0].features is not None:
        node.refuse(f"joins along axis {axis}; Concatenate of chainrule along the last (channels)")
    row.axes, row.features = ways[0].axes, None
    row.add(Concatenate([way.layers or [Identity()] for way in ways]))


@reads("Concat")
def one_part(node: Node, row: Growing) -> None:
    """Nothing: a single part is the whole."""
    node.attribute("axis")


@joins("Mul")
def gated(node: Node, row: Growing, ways: list[Growing]) -> None:
    """x · gate(x); x · σ(x) is SiLU, which older versions of ONNX have in two nodes."""
    past, gate = sorted(ways, key=lambda way: len(way.layers))
    if past.layers:
        node.refuse("multiplies two computed values, of which chainrule's Gated makes only one")
    is_silu = [type(layer) for layer in gate.layers] == [Sigmoid]
    row.add(SiLU() if is_silu else Gated(gate_of(node, past, gate)))


def gate_of(node: Node, x: Growing, gate: Growing) -> list[Layer]:
    """The layers of a gate that has a factor for each value of x, or for each of its channels."""
    if gate.shape == x.shape and lie_alike(gate, x):
        return gate.layers or [Identity()]
    last = x.rank - 1
    for_channels = tuple(
        size if axis == last else 1 for axis, size in zip(x.axes[1:], x.shape_there, strict=True)
    )
    if gate.shape_there != for_channels or gate.features is not None:
        node.refuse(
            f"multiplies examples of shape {x.shape_there} by a gate of shape {gate.shape_there}; "
            f"Gated of chainrule by one of the same shape, or of {for_channels}"
        )
    return [*gate.layers, Flatten()]


def expect_alike(node: Node, ways: list[Growing]) -> None:
    """Refuse values that do not lie in the same order in ONNX."""
    first, *others = ways
    if not all(lie_alike(first, other) for other in others):
        node.refuse("joins values that lie in different orders")


def lie_alike(one: Growing, other: Growing) -> bool:
    """True if what two rows give has the same order of axes and features in ONNX."""
    if one.features is None or other.features is None:
        return one.axes == other.axes and one.features is other.features
    return np.array_equal(one.features, other.features)
