"""Every layer, each with the derivation of its backward pass."""

from chainrule.layers.activations import (
    ELU,
    GELU,
    SELU,
    Activation,
    HardSigmoid,
    Identity,
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
from chainrule.layers.base import Layer
from chainrule.layers.containers import Concatenate, Gated, Residual, Sequential
from chainrule.layers.convolution import Conv1D, Conv2D, ConvTranspose2D
from chainrule.layers.dense import Dense
from chainrule.layers.dropout import Dropout, SpatialDropout2D, StochasticDepth
from chainrule.layers.handwritten import HandWritten
from chainrule.layers.normalization import BatchNorm, LayerNorm
from chainrule.layers.pooling import AveragePool2D, GlobalAveragePool2D, GlobalMaxPool2D, MaxPool2D
from chainrule.layers.reshape import Flatten, Reshape

ACTIVATIONS: dict[str, type[Layer]] = {
    "identity": Identity,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "prelu": PReLU,
    "elu": ELU,
    "selu": SELU,
    "gelu": GELU,
    "silu": SiLU,
    "mish": Mish,
    "softplus": Softplus,
    "hard_sigmoid": HardSigmoid,
    "softmax": Softmax,
    "log_softmax": LogSoftmax,
}

LAYERS: dict[str, type[Layer]] = {
    layer.__name__: layer
    for layer in (
        Dense,
        Conv1D,
        Conv2D,
        ConvTranspose2D,
        MaxPool2D,
        AveragePool2D,
        GlobalMaxPool2D,
        GlobalAveragePool2D,
        Flatten,
        Reshape,
        Dropout,
        SpatialDropout2D,
        StochasticDepth,
        BatchNorm,
        LayerNorm,
        Sequential,
        Residual,
        Gated,
        Concatenate,
        Activation,
        HandWritten,
        *ACTIVATIONS.values(),
    )
}

__all__ = [
    "Layer",
    "Dense",
    "Conv1D",
    "Conv2D",
    "ConvTranspose2D",
    "MaxPool2D",
    "AveragePool2D",
    "GlobalMaxPool2D",
    "GlobalAveragePool2D",
    "Flatten",
    "Reshape",
    "Dropout",
    "SpatialDropout2D",
    "StochasticDepth",
    "BatchNorm",
    "LayerNorm",
    "Sequential",
    "Residual",
    "Gated",
    "Concatenate",
    "HandWritten",
    "Activation",
    "Identity",
    "Sigmoid",
    "Tanh",
    "ReLU",
    "LeakyReLU",
    "PReLU",
    "ELU",
    "SELU",
    "GELU",
    "SiLU",
    "Mish",
    "Softplus",
    "HardSigmoid",
    "Softmax",
    "LogSoftmax",
]
