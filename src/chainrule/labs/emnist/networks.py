"""The networks of the lab, how each is trained, and which of them improves on which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import chainrule as cr

CLASS_NAMES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
CLASSES = len(CLASS_NAMES)


def mlp_layers(
    activation: type[cr.Layer] = cr.ReLU,
    normalize: bool = False,
    dropout: float = 0.0,
    probabilities: bool = False,
) -> list[cr.Layer]:
    """784-256-128-47."""
    init = "he" if activation is cr.ReLU else "glorot"
    layers: list[cr.Layer] = [cr.Flatten()]
    for size in (256, 128):
        layers += [cr.Dense(size, initializer=init), *([cr.BatchNorm()] if normalize else [])]
        layers += [activation(), *([cr.Dropout(dropout)] if dropout else [])]
    return [*layers, cr.Dense(CLASSES), *([cr.Softmax()] if probabilities else [])]


def cnn_layers(normalize: bool = False, dropout: float = 0.0) -> list[cr.Layer]:
    """Three convolutions in steps of two pixels, 28 -> 14 -> 7 -> 4, and a layer of 256."""
    layers: list[cr.Layer] = []
    for channels, size in ((32, 5), (64, 3), (128, 3)):
        layers += [cr.Conv2D(channels, size, stride=2, padding="same", initializer="he")]
        layers += [*([cr.BatchNorm()] if normalize else []), cr.ReLU()]
    layers += [cr.Flatten(), cr.Dense(256, initializer="he"), cr.ReLU()]
    return [*layers, *([cr.Dropout(dropout)] if dropout else []), cr.Dense(CLASSES)]


@dataclass(frozen=True)
class Variant:
    """A network and how it is trained.

    Args:
        against: the variant that this one improves on, or tries to.
        balanced: whether every class counts the same, however many images it has.
        shift: how many pixels images are moved by at most, anew in every epoch.
        whole: whether it is trained on all images, and longer.
    """

    layers: Callable[[], list[cr.Layer]]
    against: str = ""
    loss: str = "softmax_cross_entropy"
    balanced: bool = False
    shift: int = 0
    rate: float = 6e-4
    schedule: str = "constant"
    whole: bool = False


MLP, CNN = "MLP 256-128", "network: CNN"

BEST_LAYERS = partial(cnn_layers, normalize=True, dropout=0.3)

MLP_IMPROVEMENTS = {
    MLP: Variant(mlp_layers),
    "loss: mean squared error": Variant(
        partial(mlp_layers, probabilities=True), MLP, loss="mean_squared_error"
    ),
    "loss: every class counts the same": Variant(mlp_layers, MLP, balanced=True),
    "activation: tanh": Variant(partial(mlp_layers, activation=cr.Tanh), MLP),
    "activation: sigmoid": Variant(partial(mlp_layers, activation=cr.Sigmoid), MLP),
    "augmentation": Variant(mlp_layers, MLP, shift=1),
    "batch norm": Variant(partial(mlp_layers, normalize=True), MLP),
    "dropout 0.2": Variant(partial(mlp_layers, dropout=0.2), MLP),
    CNN: Variant(cnn_layers, MLP),
}


CNN_IMPROVEMENTS = {
    "CNN, every class counts the same": Variant(cnn_layers, CNN, balanced=True),
    "CNN, augmentation": Variant(cnn_layers, CNN, shift=1),
    "CNN, batch norm": Variant(partial(cnn_layers, normalize=True), CNN),
    "CNN, dropout 0.3": Variant(partial(cnn_layers, dropout=0.3), CNN),
    "CNN, all four": Variant(BEST_LAYERS, CNN, balanced=True, shift=1),
}


MLP_WHOLE, CNN_WHOLE = "MLP 256-128, all images", "CNN with all four, all images"

VARIANTS = {
    **MLP_IMPROVEMENTS,
    **CNN_IMPROVEMENTS,
    MLP_WHOLE: Variant(mlp_layers, whole=True),
    CNN_WHOLE: Variant(
        BEST_LAYERS, balanced=True, shift=1, rate=1e-3, schedule="cosine", whole=True
    ),
}
