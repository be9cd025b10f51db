"""Every layer, with its options: the one table that drives the conformance test and the
comparison with JAX. A new layer gets its rows here, and is tested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from handwritten_code import (
    AccumulatesGradients,
    IsGivenTheInput,
    KeepsGradients,
    UpdatesItself,
    backward_over_dictionary,
    forward_over_dictionary,
    shared_dictionary,
)

from chainrule.initializers import HeNormal
from chainrule.layers import (
    ELU,
    GELU,
    SELU,
    Activation,
    AveragePool2D,
    BatchNorm,
    Concatenate,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Flatten,
    Gated,
    GlobalAveragePool2D,
    GlobalMaxPool2D,
    HandWritten,
    HardSigmoid,
    Identity,
    Layer,
    LayerNorm,
    LeakyReLU,
    LogSoftmax,
    MaxPool2D,
    Mish,
    PReLU,
    ReLU,
    Reshape,
    Residual,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    SpatialDropout2D,
    StochasticDepth,
    Tanh,
)
from chainrule.network import Network
from chainrule.parameters import Shape
from chainrule.regularizers import L2


@dataclass(frozen=True)
class LayerCase:
    """A layer to test: how to make it, and the shape of the examples it is given."""

    name: str
    make: Callable[[], Layer]
    input_shape: Shape
    is_savable: bool = True

    def network(self, dtype: str = "float64") -> Network:
        """A network of this layer alone. Its arrays hold random numbers, so that no zero bias
        and no scale of one hides a mistake."""
        network = Network([self.make()], self.input_shape, seed=1, dtype=dtype)
        rng = np.random.default_rng(2)
        network.parameters.flat[:] = rng.standard_normal(network.parameters.flat.size)
        network.buffers.flat[:] = rng.uniform(0.5, 2, network.buffers.flat.size)
        return network

    def __str__(self) -> str:
        return self.name


def shared_dense() -> Layer:
    dense = Dense(3)
    return Sequential([dense, Tanh(), dense])


def shared_across_branches() -> Layer:
    dense = Dense(3)
    return Residual([dense, Tanh()], shortcut=[dense, Sequential([Tanh(), dense])])


def inception() -> Layer:
    return Concatenate(
        [Conv2D(2, 1), [Conv2D(2, 1), ReLU(), Conv2D(3, 3, padding="same")], Identity()]
    )


def squeeze_and_excitation() -> Layer:
    return Gated([GlobalAveragePool2D(), Dense(2), PReLU(), Dense(6), Sigmoid()])


def residual_block() -> Layer:
    return Residual(
        [
            Conv2D(4, 3, stride=2, padding=1, bias=False),
            BatchNorm(),
            ReLU(),
            Residual(Conv2D(4, 1)),
        ],
        shortcut=[Conv2D(4, 1, stride=2), BatchNorm()],
    )


DENSE = [
    LayerCase("Dense", lambda: Dense(3), (4,)),
    LayerCase("Dense without bias", lambda: Dense(3, bias=False), (4,)),
    LayerCase("Dense, one to one", lambda: Dense(1), (1,)),
    LayerCase(
        "Dense with a regularizer",
        lambda: Dense(2, initializer=HeNormal(), regularizer=L2(0.1)),
        (3,),
    ),
]

CONVOLUTIONS = [
    LayerCase(f"Conv2D {name}", make, shape)
    for name, make, shape in [
        ("1x1", lambda: Conv2D(3, 1), (3, 4, 2)),
        ("3x3", lambda: Conv2D(2, 3), (4, 5, 2)),
        ("as large as the image", lambda: Conv2D(2, (3, 4)), (3, 4, 2)),
        ("without bias", lambda: Conv2D(2, 2, bias=False), (3, 3, 2)),
        ("2x3 kernel", lambda: Conv2D(2, (2, 3)), (5, 4, 2)),
        ("stride 2", lambda: Conv2D(2, 3, stride=2), (6, 7, 2)),
        ("stride (1, 2)", lambda: Conv2D(2, 2, stride=(1, 2)), (4, 5, 2)),
        ("stride beyond the kernel", lambda: Conv2D(2, 2, stride=3), (6, 5, 2)),
        ("same", lambda: Conv2D(2, 3, padding="same"), (4, 5, 2)),
        ("same, even kernel", lambda: Conv2D(2, (2, 4), padding="same"), (4, 5, 2)),
        ("same, stride 2", lambda: Conv2D(2, 3, stride=2, padding="same"), (5, 6, 2)),
        ("same, stride 3, even kernel", lambda: Conv2D(2, 4, 3, "same"), (5, 7, 1)),
        ("same, dilation 2", lambda: Conv2D(2, 3, padding="same", dilation=2), (4, 5, 2)),
        ("padding 1", lambda: Conv2D(2, 3, padding=1), (3, 4, 2)),
        ("padding (0, 2)", lambda: Conv2D(2, 3, padding=(0, 2)), (4, 3, 2)),
        ("dilation 2", lambda: Conv2D(2, 2, dilation=2), (4, 5, 2)),
        ("dilation (1, 3), stride 2", lambda: Conv2D(2, 2, 2, dilation=(1, 3)), (4, 6, 1)),
        ("groups", lambda: Conv2D(4, 2, groups=2), (3, 4, 4)),
        ("groups, stride, padding", lambda: Conv2D(6, 3, 2, 1, groups=3), (4, 4, 3)),
        ("depthwise", lambda: Conv2D(3, 3, padding="same", groups=3), (3, 4, 3)),
        ("depthwise, twice the channels", lambda: Conv2D(4, 2, groups=2), (3, 3, 2)),
    ]
]

CONVOLUTIONS_OVER_SEQUENCES = [
    LayerCase(f"Conv1D {name}", make, shape)
    for name, make, shape in [
        ("1", lambda: Conv1D(3, 1), (4, 2)),
        ("3", lambda: Conv1D(4, 3), (7, 2)),
        ("without bias", lambda: Conv1D(2, 2, bias=False), (5, 3)),
        ("stride 2", lambda: Conv1D(3, 3, stride=2), (8, 2)),
        ("same, stride 2, even kernel", lambda: Conv1D(2, 4, 2, "same"), (7, 2)),
        ("padding 2, dilation 2", lambda: Conv1D(2, 3, padding=2, dilation=2), (6, 2)),
        ("groups", lambda: Conv1D(4, 2, padding=1, groups=2), (5, 4)),
        ("depthwise", lambda: Conv1D(3, 3, padding="same", groups=3), (6, 3)),
    ]
]

TRANSPOSED_CONVOLUTIONS = [
    LayerCase(f"ConvTranspose2D {name}", make, shape)
    for name, make, shape in [
        ("2x2", lambda: ConvTranspose2D(3, 2), (2, 3, 2)),
        ("without bias", lambda: ConvTranspose2D(2, 2, bias=False), (2, 2, 2)),
        ("stride 2", lambda: ConvTranspose2D(2, 3, stride=2), (2, 3, 2)),
        ("stride (1, 3)", lambda: ConvTranspose2D(2, (3, 2), stride=(1, 3)), (3, 2, 2)),
        ("stride beyond the kernel", lambda: ConvTranspose2D(2, 2, stride=3), (2, 2, 2)),
        ("padding 1", lambda: ConvTranspose2D(2, 3, padding=1), (3, 3, 2)),
        ("padding (1, 0), stride 2", lambda: ConvTranspose2D(2, 3, 2, (1, 0)), (3, 2, 2)),
        ("output_padding", lambda: ConvTranspose2D(2, 3, 2, 1, output_padding=1), (2, 3, 2)),
        (
            "output_padding (0, 2)",
            lambda: ConvTranspose2D(2, 2, 3, output_padding=(0, 2)),
            (2, 2, 2),
        ),
        ("same", lambda: ConvTranspose2D(2, 3, padding="same"), (3, 4, 2)),
        ("same, stride 2", lambda: ConvTranspose2D(2, 3, 2, "same"), (2, 3, 2)),
        ("same, even kernel", lambda: ConvTranspose2D(2, 4, 2, "same"), (2, 3, 2)),
        ("same, stride 3 beyond it", lambda: ConvTranspose2D(2, 2, 3, "same"), (2, 2, 2)),
        ("dilation 2", lambda: ConvTranspose2D(2, 2, dilation=2), (2, 3, 2)),
        ("dilation, stride", lambda: ConvTranspose2D(1, 2, 2, 1, dilation=(2, 3)), (3, 2, 2)),
        ("groups", lambda: ConvTranspose2D(4, 2, stride=2, groups=2), (2, 2, 4)),
        ("depthwise", lambda: ConvTranspose2D(3, 3, 2, 1, groups=3), (2, 3, 3)),
    ]
]

POOLS = [
    LayerCase(f"{pool.__name__} {name}", lambda pool=pool, o=options: pool(*o), shape)
    for pool in (MaxPool2D, AveragePool2D)
    for name, options, shape in [
        ("2", (2,), (4, 6, 2)),
        ("2, a row left over", (2,), (5, 4, 2)),
        ("(2, 3)", ((2, 3),), (4, 6, 1)),
        ("overlapping", (3, 1), (4, 5, 2)),
        ("stride (1, 2)", (2, (1, 2)), (3, 5, 2)),
        ("stride beyond the window", (2, 3), (5, 6, 2)),
        ("same", (3, 1, "same"), (3, 4, 2)),
        ("same, stride 2", (3, 2, "same"), (5, 4, 2)),
        ("same, even window", (2, 2, "same"), (5, 3, 2)),
        ("padding 1", (3, 2, 1), (4, 5, 2)),
        ("padding (1, 0)", ((2, 3), 1, (1, 0)), (3, 4, 2)),
    ]
] + [
    LayerCase("GlobalMaxPool2D", GlobalMaxPool2D, (3, 4, 2)),
    LayerCase("GlobalMaxPool2D of one pixel", GlobalMaxPool2D, (1, 1, 3)),
    LayerCase("GlobalAveragePool2D", GlobalAveragePool2D, (3, 4, 2)),
]

SHAPES = [
    LayerCase("Flatten", Flatten, (2, 3, 2)),
    LayerCase("Flatten what is flat", Flatten, (4,)),
    LayerCase("Reshape", lambda: Reshape((2, 3, 2)), (12,)),
    LayerCase("Reshape to one axis", lambda: Reshape(6), (2, 3)),
]

NORMALIZATIONS = [
    LayerCase("BatchNorm", BatchNorm, (3,)),
    LayerCase("BatchNorm of images", lambda: BatchNorm(momentum=0.3), (3, 2, 2)),
    LayerCase("BatchNorm, large epsilon", lambda: BatchNorm(epsilon=0.5), (3,)),
    LayerCase("BatchNorm after Dense", lambda: Sequential([Dense(3), BatchNorm()]), (4,)),
    LayerCase("BatchNorm after Conv2D", lambda: Sequential([Conv2D(2, 2), BatchNorm()]), (3, 4, 2)),
    LayerCase("LayerNorm", LayerNorm, (5,)),
    LayerCase("LayerNorm of images", lambda: LayerNorm(epsilon=0.1), (2, 3, 4)),
    LayerCase("Dropout", Dropout, (8,)),
    LayerCase("Dropout of images", lambda: Dropout(0.2, seed=3), (3, 3, 2)),
    LayerCase("Dropout of nothing", lambda: Dropout(0.0), (4,)),
    LayerCase("SpatialDropout2D", SpatialDropout2D, (3, 4, 6)),
    LayerCase("SpatialDropout2D of one channel", lambda: SpatialDropout2D(0.3, seed=2), (2, 3, 1)),
    LayerCase("StochasticDepth", StochasticDepth, (5,)),
    LayerCase("StochasticDepth of images", lambda: StochasticDepth(0.4, seed=4), (2, 3, 2)),
]

ACTIVATIONS = [
    LayerCase(name, make, shape)
    for name, make, shape in [
        ("Identity", Identity, (5,)),
        ("Sigmoid", Sigmoid, (5,)),
        ("Tanh", Tanh, (5,)),
        ("ReLU", ReLU, (5,)),
        ("ReLU of images", ReLU, (3, 2, 2)),
        ("LeakyReLU", LeakyReLU, (5,)),
        ("LeakyReLU, slope 0.3", lambda: LeakyReLU(0.3), (5,)),
        ("PReLU", PReLU, (5,)),
        ("PReLU of images, slope 0.1", lambda: PReLU(0.1), (3, 2, 4)),
        ("ELU", ELU, (5,)),
        ("ELU, alpha 0.5", lambda: ELU(0.5), (5,)),
        ("SELU", SELU, (5,)),
        ("GELU", GELU, (5,)),
        ("GELU, tanh", lambda: GELU("tanh"), (5,)),
        ("SiLU", SiLU, (5,)),
        ("Mish", Mish, (5,)),
        ("Mish of images", Mish, (3, 2, 2)),
        ("Softplus", Softplus, (5,)),
        ("HardSigmoid", lambda: Sequential([LayerNorm(), HardSigmoid()]), (12,)),
        ("HardSigmoid alone", HardSigmoid, (5,)),
        ("Softmax", Softmax, (5,)),
        ("Softmax of images", Softmax, (2, 2, 3)),
        ("LogSoftmax", LogSoftmax, (5,)),
        ("LogSoftmax of images", LogSoftmax, (2, 2, 3)),
    ]
]

CONTAINERS = [
    LayerCase(name, make, shape)
    for name, make, shape in [
        ("Sequential", lambda: Sequential([Dense(4), Tanh(), Dense(2)]), (3,)),
        ("Sequential of nothing", lambda: Sequential([]), (3,)),
        ("Sequential in Sequential", lambda: Sequential([Sequential([Dense(2)]), Tanh()]), (3,)),
        ("Residual", lambda: Residual([Dense(4), Tanh(), Dense(3)]), (3,)),
        ("Residual of one layer", lambda: Residual(Tanh()), (3,)),
        ("Residual with a shortcut", lambda: Residual(Dense(2), shortcut=Dense(2)), (3,)),
        ("Residual in Residual", residual_block, (4, 5, 2)),
        ("Residual with Dropout", lambda: Residual([Dense(3), Dropout(0.5)]), (3,)),
        ("Residual with StochasticDepth", lambda: Residual([Dense(3), StochasticDepth(0.5)]), (3,)),
        ("Gated", lambda: Gated([Dense(3), Sigmoid()]), (3,)),
        ("Gated by channels", squeeze_and_excitation, (3, 4, 6)),
        ("Gated by pixels", lambda: Gated([Conv2D(2, 3, padding="same"), Tanh()]), (3, 4, 2)),
        ("Gated by itself", lambda: Gated(Identity()), (3,)),
        ("Concatenate", lambda: Concatenate([Dense(2), Identity(), [Dense(3), Tanh()]]), (3,)),
        ("Concatenate of one", lambda: Concatenate([Dense(2)]), (3,)),
        ("Concatenate of images", inception, (3, 3, 2)),
        ("one layer in two places", shared_dense, (3,)),
        ("one layer in both branches", shared_across_branches, (3,)),
    ]
]

OWN_CODE = [
    LayerCase(name, make, shape, is_savable=False)
    for name, make, shape in [
        ("Activation of the input", lambda: Activation(np.sin, np.cos), (4,)),
        ("Activation of the output", lambda: Activation(np.exp, np.copy, of="output"), (4,)),
        ("HandWritten, keeps gradients", lambda: HandWritten(KeepsGradients(4, 3)), (4,)),
        ("HandWritten, accumulates", lambda: HandWritten(AccumulatesGradients(4, 3)), (4,)),
        ("HandWritten, updates itself", lambda: HandWritten(UpdatesItself(4, 3)), (4,)),
        (
            "HandWritten, is given the input",
            lambda: HandWritten(IsGivenTheInput(4, 3), batch_axis=1),
            (4,),
        ),
        (
            "HandWritten, two functions",
            lambda: HandWritten(
                (forward_over_dictionary, backward_over_dictionary),
                parameters=shared_dictionary(4, 3),
            ),
            (4,),
        ),
    ]
]

LAYER_CASES = [
    *DENSE,
    *CONVOLUTIONS,
    *CONVOLUTIONS_OVER_SEQUENCES,
    *TRANSPOSED_CONVOLUTIONS,
    *POOLS,
    *SHAPES,
    *NORMALIZATIONS,
    *ACTIVATIONS,
    *CONTAINERS,
    *OWN_CODE,
]
