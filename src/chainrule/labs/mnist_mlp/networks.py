"""The lab's network, with its slips as arguments, and those that improve on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import chainrule as cr
from chainrule.types import Array

XAVIER = cr.initializers.LeCunNormal()  # normal · sqrt(1 / in)


class TwiceDivided(cr.Dense):
    """A slip: db is a mean over the batch already, and is divided by the batch size once more."""

    def backward(self, dy: Array, x: Array) -> Array:
        dx = super().backward(dy, x)
        self.db /= len(x)
        return dx


def lab_layers(
    hidden: tuple[int, int],
    first: type[cr.Layer] = cr.ReLU,
    second: type[cr.Layer] = cr.Sigmoid,
    output: type[cr.Dense] = cr.Dense,
) -> list[cr.Layer]:
    """The lab's network; the slips are other arguments than the defaults."""
    return [
        cr.Flatten(),
        cr.Dense(hidden[0], initializer=XAVIER),
        first(),
        cr.Dense(hidden[1], initializer=XAVIER),
        second(),
        output(10, initializer=XAVIER),
        cr.Softmax(),
    ]


def rectified_layers() -> list[cr.Layer]:
    """256-32 as one would build it today."""
    return [
        cr.Flatten(),
        *(cr.Dense(256, initializer="he"), cr.ReLU(), cr.Dropout(0.2)),
        *(cr.Dense(32, initializer="he"), cr.ReLU(), cr.Dense(10)),
    ]


def convolutional_layers() -> list[cr.Layer]:
    """Two convolutions in steps of two pixels, and a layer of 64."""
    return [
        *(cr.Conv2D(16, 5, stride=2, initializer="he"), cr.ReLU()),
        *(cr.Conv2D(32, 3, stride=2, initializer="he"), cr.ReLU(), cr.Flatten()),
        *(cr.Dense(64, initializer="he"), cr.ReLU(), cr.Dropout(0.2), cr.Dense(10)),
    ]


HONEST, AS_THE_LAB = "the network that was trained", "both, as the lab does"

SIGMOID, SOFTMAX = "sigmoid in the place of ReLU", "softmax in the place of the hidden sigmoid"

TESTS: dict[str, dict[str, Any]] = {  # forward passes of the test, by the slips in them
    HONEST: {},
    SIGMOID: {"first": cr.Sigmoid},
    SOFTMAX: {"second": cr.Softmax},
    AS_THE_LAB: {"first": cr.Sigmoid, "second": cr.Softmax},
}


@dataclass(frozen=True)
class Variant:
    """A network and how it is trained; the defaults are the lab's."""

    layers: Callable[[], list[cr.Layer]]
    hidden: tuple[int, int] | None = None  # those of the lab's networks, tested with every slip
    loss: str = "categorical_cross_entropy"
    optimizer: str = "sgd(learning_rate=0.5)"
    schedule: str = "constant"
    epochs: int = 100
    batch_size: int | str = "full"


LAB_NETWORK, BIAS_SLIP, WIDER = "128-64", "128-64, bias slip", "256-32, rate 1"

ADAM, CNN = "256-32, ReLU, Adam", "convolutions, Adam"

MODERN: dict[str, Any] = {
    "loss": "softmax_cross_entropy",
    "optimizer": "adam(learning_rate=0.002)",
    "schedule": "cosine",
    "batch_size": 64,
}


VARIANTS = {
    LAB_NETWORK: Variant(partial(lab_layers, (128, 64)), (128, 64)),
    BIAS_SLIP: Variant(partial(lab_layers, (128, 64), output=TwiceDivided), (128, 64)),
    WIDER: Variant(
        partial(lab_layers, (256, 32)), (256, 32), optimizer="sgd(learning_rate=1.0)", epochs=50
    ),
    ADAM: Variant(rectified_layers, epochs=20, **MODERN),
    CNN: Variant(convolutional_layers, epochs=10, **MODERN),
}
