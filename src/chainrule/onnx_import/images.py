"""Convolutions and pools."""

from __future__ import annotations

from typing import Literal

from chainrule.arguments import Pair
from chainrule.layers import (
    AveragePool2D,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    Layer,
    MaxPool2D,
    Reshape,
)
from chainrule.layers.windows import Windows
from chainrule.onnx_import.growing import Growing, channels_first
from chainrule.onnx_import.node import Node
from chainrule.onnx_import.operators import reads
from chainrule.types import Array, Shape

# Where each axis of a kernel is.
OURS_OF_CONV, OURS_OF_TRANSPOSED = (2, 3, 1, 0), (2, 3, 0, 1)
OURS_OF_SEQUENCES = (2, 1, 0)
GLOBAL_POOLS: dict[str, type[Layer]] = {
    "GlobalAveragePool": GlobalAveragePool2D,
    "GlobalMaxPool": GlobalMaxPool2D,
}
REDUCTIONS: dict[str, type[Layer]] = {
    "ReduceMean": GlobalAveragePool2D,
    "ReduceMax": GlobalMaxPool2D,
}


@reads("Conv")
def convolution(node: Node, row: Growing) -> None:
    if row.rank == 3:
        convolution_over_sequence(node, row)
        return
    expect_images(node, row)
    kernel, b = node.weights(1), node.array(2)
    size, stride, dilation = steps(node, kernel.shape[2:])
    layer = Conv2D(
        len(kernel),
        size,
        stride,
        padding_of(node, Windows.over(image(row), size, stride, "same", dilation)),
        dilation=dilation,
        groups=node.attribute("group", 1),
        bias=b is not None,
    )
    row.add(layer, **arrays(kernel.transpose(OURS_OF_CONV), b))


def convolution_over_sequence(node: Node, row: Growing) -> None:
    expect_channels_first(node, row)
    kernel, b = node.weights(1), node.array(2)
    (size,) = node.attribute("kernel_shape", kernel.shape[2:])
    (stride,), (dilation,) = node.attribute("strides", [1]), node.attribute("dilations", [1])
    before, after = node.attribute("pads", [0, 0])
    same = Windows.along(row.shape[0], size, stride, "same", dilation)
    padding = padding_from(node, same, (0, before), (0, after))
    layer = Conv1D(
        len(kernel),
        size,
        stride,
        padding[1] if isinstance(padding, tuple) else padding,
        dilation=dilation,
        groups=node.attribute("group", 1),
        bias=b is not None,
    )
    row.add(layer, **arrays(kernel.transpose(OURS_OF_SEQUENCES), b))


@reads("ConvTranspose")
def transposed_convolution(node: Node, row: Growing) -> None:
    expect_images(node, row)
    kernel, b = node.weights(1), node.array(2)
    size, stride, dilation = steps(node, kernel.shape[2:])
    groups = node.attribute("group", 1)
    layer = ConvTranspose2D(
        kernel.shape[1] * groups,
        size,
        stride,
        padding_of(node, Windows.onto(image(row), size, stride, "same", dilation, 0)),
        output_padding=pair(node, "output_padding", (0, 0)),
        dilation=dilation,
        groups=groups,
        bias=b is not None,
    )
    row.add(layer, **arrays(kernel.transpose(OURS_OF_TRANSPOSED), b))


@reads("MaxPool")
def max_pool(node: Node, row: Growing) -> None:
    node.attribute("storage_order")  # of the indices, which are not read
    size, stride, same = pool_windows(node, row)
    padding = padding_of(node, same)
    row.add(MaxPool2D(size, stride, padding))
    expect_no_ceiling(node, Windows.over(same.image, size, stride, padding))


@reads("AveragePool")
def average_pool(node: Node, row: Growing) -> None:
    size, stride, same = pool_windows(node, row)
    padding = padding_of(node, same)
    windows = Windows.over(same.image, size, stride, padding)
    is_as_same = (windows.before, windows.after) == (same.before, same.after)
    counts = node.attribute("count_include_pad", 0)
    if windows.padded == windows.image:
        padding = "valid"
    elif counts and windows.before == windows.after:
        padding = windows.before
    elif not counts and is_as_same:
        padding = "same"  # whose padding does not count
    else:
        node.refuse(f"has count_include_pad={counts} and a padding of which chainrule has no layer")
    row.add(AveragePool2D(size, stride, padding))
    expect_no_ceiling(node, windows)


@reads(*GLOBAL_POOLS)
def global_pool(node: Node, row: Growing) -> None:
    expect_images(node, row)
    row.add(GLOBAL_POOLS[node.operator]())
    row.add(Reshape((1, 1, *row.shape)))


@reads(*REDUCTIONS)
def reduction_of_images(node: Node, row: Growing) -> None:
    """The mean or the maximum over both axes of an image, which is a pool."""
    pool = REDUCTIONS[node.operator]
    given = node.attribute("axes") if node.opset < 18 else node.array(1)
    node.expect("noop_with_empty_axes", 0, 0)
    axes = sorted(int(axis) % row.rank for axis in ([] if given is None else given))
    expect_images(node, row)
    if axes != [2, 3]:
        node.refuse(f"goes over axes {axes}; chainrule has {pool.__name__}, over both of images")
    row.add(pool())
    if node.attribute("keepdims", 1):
        row.add(Reshape((1, 1, *row.shape)))
    else:
        row.axes = channels_first(2)


def expect_images(node: Node, row: Growing) -> None:
    """Refuse all but images, with the channels first as ONNX has them."""
    if row.rank != 4:
        node.refuse(f"is given an array of {row.rank} axes; chainrule's layer takes images, of 4")
    expect_channels_first(node, row)


def expect_channels_first(node: Node, row: Growing) -> None:
    """Refuse values whose channels are elsewhere in ONNX."""
    if not row.has_channels_first:
        node.refuse("is given values whose channels are not on axis 1")


def image(row: Growing) -> Pair:
    """Height and width of the images that a row gives."""
    return row.shape[0], row.shape[1]


def pair(node: Node, name: str, default: Shape) -> Pair:
    """An attribute with a number each for height and width."""
    height, width = node.attribute(name, default)
    return height, width


def steps(node: Node, kernel: Shape) -> tuple[Pair, Pair, Pair]:
    """Size, stride and dilation of a kernel."""
    size = pair(node, "kernel_shape", kernel)
    return size, pair(node, "strides", (1, 1)), pair(node, "dilations", (1, 1))


def pool_windows(node: Node, row: Growing) -> tuple[Pair, Pair, Windows]:
    """Size and stride of a pool, and where its windows would lie with padding "same"."""
    expect_images(node, row)
    size, stride, dilation = steps(node, ())
    if dilation != (1, 1):
        node.refuse(f"has dilations={dilation}, which chainrule's pools do not have")
    return size, stride, Windows.over(image(row), size, stride, "same")


def padding_of(node: Node, same: Windows) -> Literal["valid", "same"] | Pair:
    """The padding, as layers take it.

    Args:
        same: the windows with padding "same", which has the odd row below and to the right.
    """
    top, left, bottom, right = node.attribute("pads", [0, 0, 0, 0])
    return padding_from(node, same, (top, left), (bottom, right))


def padding_from(
    node: Node, same: Windows, before: Pair, after: Pair
) -> Literal["valid", "same"] | Pair:
    """The padding, given the rows and columns before and after an image."""
    kind = node.attribute("auto_pad", "NOTSET")
    if kind == "VALID":
        return "valid"
    if kind == "SAME_UPPER" or (kind == "SAME_LOWER" and same.before == same.after):
        return "same"
    if kind == "NOTSET" and before == after:
        return before
    if kind == "NOTSET" and (before, after) == (same.before, same.after):
        return "same"
    if kind != "NOTSET":
        node.refuse(f"has auto_pad={kind}, with the odd row above; chainrule has it below")
    node.refuse(
        f"pads {before[0]} rows above and {after[0]} below, {before[1]} columns to the left and "
        f"{after[1]} to the right, as no padding of chainrule does"
    )


def expect_no_ceiling(node: Node, windows: Windows) -> None:
    """Refuse windows that reach beyond the padded image; where none would, nothing is lost."""
    reached = [
        (count - 1) * step + size
        for count, step, size in zip(
            windows.positions, windows.stride, windows.kernel_size, strict=True
        )
    ]
    if node.attribute("ceil_mode", 0) and reached != list(windows.padded):
        node.refuse("has ceil_mode=1: its last windows reach beyond the image, as none here do")


def arrays(W: Array, b: Array | None) -> dict[str, Array]:
    """The arrays of a layer by name."""
    return {"W": W} if b is None else {"W": W, "b": b}
