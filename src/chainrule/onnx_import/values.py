"""Activations: most are a layer with the same formula."""

from __future__ import annotations

import numpy as np

from chainrule.layers import (
    ELU,
    GELU,
    SELU,
    Dropout,
    HardSigmoid,
    Layer,
    LeakyReLU,
    LogSoftmax,
    Mish,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from chainrule.layers.activations import SELU_ALPHA, SELU_SCALE
from chainrule.onnx_import.growing import Growing
from chainrule.onnx_import.node import Node
from chainrule.onnx_import.operators import reads

LAYERS: dict[str, type[Layer]] = {
    "Sigmoid": Sigmoid,
    "Tanh": Tanh,
    "Relu": ReLU,
    "Softplus": Softplus,
    "Mish": Mish,
}
SOFTMAXES: dict[str, type[Layer]] = {"Softmax": Softmax, "LogSoftmax": LogSoftmax}


@reads(*LAYERS)
def activation(node: Node, row: Growing) -> None:
    row.add(LAYERS[node.operator]())


@reads("Identity")
def identity(node: Node, row: Growing) -> None:
    """Nothing: what it is given, it gives."""


@reads("LeakyRelu")
def leaky_relu(node: Node, row: Growing) -> None:
    row.add(LeakyReLU(node.attribute("alpha", 0.01)))


@reads("PRelu")
def prelu(node: Node, row: Growing) -> None:
    """ONNX may have a slope for each value, of which each channel must have but one here."""
    given = node.weights(1)
    slopes = given[0] if given.ndim == row.rank and len(given) == 1 else given
    try:
        there = np.broadcast_to(slopes, row.shape_there)
    except ValueError:
        node.refuse(f"has slopes of shape {given.shape} for examples of shape {row.shape_there}")
    ours = row.our_order(there.transpose(np.argsort(row.axes[1:])))
    alpha = ours.reshape(-1, row.shape[-1])[0]
    if (ours != alpha).any():
        node.refuse("has several slopes for a channel; PReLU of chainrule has one")
    row.add(PReLU(), alpha=alpha)


@reads("Elu")
def elu(node: Node, row: Growing) -> None:
    row.add(ELU(node.attribute("alpha", 1.0)))


@reads("Selu")
def selu(node: Node, row: Growing) -> None:
    expect_about(node, "alpha", SELU_ALPHA, SELU_ALPHA)
    expect_about(node, "gamma", SELU_SCALE, SELU_SCALE)
    row.add(SELU())


@reads("Gelu")
def gelu(node: Node, row: Growing) -> None:
    row.add(GELU(node.attribute("approximate", "none")))


@reads("Swish")
def swish(node: Node, row: Growing) -> None:
    expect_about(node, "alpha", 1.0, 1.0)
    row.add(SiLU())


@reads("HardSigmoid")
def hard_sigmoid(node: Node, row: Growing) -> None:
    expect_about(node, "alpha", 1 / 6, 0.2)
    expect_about(node, "beta", 0.5, 0.5)
    row.add(HardSigmoid())


@reads(*SOFTMAXES)
def softmax(node: Node, row: Growing) -> None:
    axis = node.attribute("axis", -1 if node.opset >= 13 else 1)
    is_last_there = axis % row.rank == row.rank - 1  # before version 13, over all that follow
    if not row.is_last(axis) or (node.opset < 13 and not is_last_there):
        node.refuse(f"goes over axis {axis}; {node.operator} of chainrule goes over the last")
    row.add(SOFTMAXES[node.operator]())


@reads("Dropout")
def dropout(node: Node, row: Growing) -> None:
    rate, training = node.array(1), node.array(2)
    if training is not None and training:
        node.refuse("is in training mode: export the model for prediction")
    node.attribute("seed")
    row.add(Dropout(float(node.attribute("ratio", 0.5) if rate is None else rate)))


def expect_about(node: Node, name: str, only: float, default: float) -> None:
    """Refuse a number that is not as the layer has it; ONNX holds it in single precision."""
    value = node.attribute(name, default)
    if not np.isclose(value, only, rtol=1e-6):
        node.refuse(f"has {name}={value:.6g}, and chainrule has no layer but for {name}={only:.6g}")
