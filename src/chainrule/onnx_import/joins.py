"""Where two ways meet: residual blocks, branches side by side, and SiLU."""

from __future__ import annotations

import numpy as np

from chainrule.layers import Concatenate, Identity, Residual, Sigmoid, SiLU
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
def silu(node: Node, row: Growing, ways: list[Growing]) -> None:
    """x · σ(x), which older versions of ONNX have in two nodes."""
    kinds = [[type(layer) for layer in way.layers] for way in ways if way.layers]
    if len(ways) != 2 or kinds != [[Sigmoid]]:
        node.refuse("multiplies two computed values, for which chainrule has no layer but SiLU")
    row.add(SiLU())


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
