"""Activations: most are an operator of ONNX with the same formula."""

from __future__ import annotations

from chainrule.layers import (
    ELU,
    GELU,
    SELU,
    Dropout,
    HardSigmoid,
    Identity,
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
    SpatialDropout2D,
    StochasticDepth,
    Tanh,
)
from chainrule.layers.activations import SELU_ALPHA, SELU_SCALE
from chainrule.onnx_export.forms import form_of
from chainrule.onnx_export.graph import Graph, Value

OPERATORS: dict[type[Layer], str] = {
    Sigmoid: "Sigmoid",
    Tanh: "Tanh",
    ReLU: "Relu",
    Softplus: "Softplus",
    Mish: "Mish",
}


@form_of(*OPERATORS)
def activation(graph: Graph, layer: Sigmoid | Tanh | ReLU | Softplus | Mish, x: Value) -> str:
    return graph.node(OPERATORS[type(layer)], x.name)


# Outside training, dropout leaves all as it is.
@form_of(Identity, Dropout, SpatialDropout2D, StochasticDepth)
def identity(graph: Graph, layer: Identity | Dropout, x: Value) -> str:
    return x.name


@form_of(LeakyReLU)
def leaky_relu(graph: Graph, layer: LeakyReLU, x: Value) -> str:
    return graph.node("LeakyRelu", x.name, alpha=layer.slope)


@form_of(PReLU)
def prelu(graph: Graph, layer: PReLU, x: Value) -> str:
    return graph.node("PRelu", x.name, graph.parameter(layer, "alpha"))


@form_of(ELU)
def elu(graph: Graph, layer: ELU, x: Value) -> str:
    return graph.node("Elu", x.name, alpha=layer.alpha)


@form_of(SELU)
def selu(graph: Graph, layer: SELU, x: Value) -> str:
    return graph.node("Selu", x.name, alpha=SELU_ALPHA, gamma=SELU_SCALE)


@form_of(GELU)
def gelu(graph: Graph, layer: GELU, x: Value) -> str:
    return graph.node("Gelu", x.name, approximate=layer.approximate)


@form_of(SiLU)
def silu(graph: Graph, layer: SiLU, x: Value) -> str:
    return graph.node("Mul", x.name, graph.node("Sigmoid", x.name))


@form_of(HardSigmoid)
def hard_sigmoid(graph: Graph, layer: HardSigmoid, x: Value) -> str:
    return graph.node("HardSigmoid", x.name, alpha=1 / 6, beta=0.5)


@form_of(Softmax)
def softmax(graph: Graph, layer: Softmax, x: Value) -> str:
    return graph.node("Softmax", x.name, axis=-1)


@form_of(LogSoftmax)
def log_softmax(graph: Graph, layer: LogSoftmax, x: Value) -> str:
    return graph.node("LogSoftmax", x.name, axis=-1)
