"""The networks of the lab, how each is trained, and which of them improves on which."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import chainrule as cr

CLASS_NAMES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
CLASSES = len(CLASS_NAMES)
AFFINE = "affine(shift=1, rotation=10, scale=0.1, shear=10)"
SHIFT = "affine(shift=1, rotation=0, scale=0)"


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


def cnn_layers(
    normalize: bool = False, dropout: float = 0.0, classes: int = CLASSES
) -> list[cr.Layer]:
    """Three blocks of 32, 64 and 128 channels, 28 -> 14 -> 7 -> 3, and a layer of 256."""

    def activation() -> list[cr.Layer]:
        return [*([cr.BatchNorm()] if normalize else []), cr.ReLU()]

    layers: list[cr.Layer] = []
    for channels in (32, 64, 128):
        layers += [cr.Conv2D(channels, 3, padding="same"), *activation(), cr.MaxPool2D(2)]
    layers += [cr.Flatten(), cr.Dense(256), *activation()]
    return [*layers, *([cr.Dropout(dropout)] if dropout else []), cr.Dense(classes)]


@dataclass(frozen=True)
class Variant:
    """A network and how it is trained: options of `fit`, and these.

    Args:
        against: the variant that this one improves on, or tries to.
        whole: whether it is trained on all images, and longer.
    """

    layers: Callable[[], list[cr.Layer]]
    against: str = ""
    loss: str = "softmax_cross_entropy"
    class_weights: str | None = None
    augment: str | None = None
    average: str | None = None
    rate: float = 6e-4
    schedule: str = "constant"
    batch_size: int = 32
    whole: bool = False


def recipe(layers: Callable[[], list[cr.Layer]], against: str = "") -> Variant:
    """Trained as `chainrule train --recipe best` trains."""
    return Variant(
        layers,
        against,
        loss="softmax_cross_entropy(label_smoothing=0.1)",
        class_weights="balanced",
        augment=AFFINE,
        average="ema(0.999)",
        rate=2e-3,
        schedule="cosine",
        batch_size=128,
    )


MLP, CNN, CNN_RECIPE = "MLP 256-128", "network: CNN", "CNN, the recipe"

MLP_IMPROVEMENTS = {
    MLP: Variant(mlp_layers),
    "loss: mean squared error": Variant(
        partial(mlp_layers, probabilities=True), MLP, loss="mean_squared_error"
    ),
    "loss: every class counts the same": Variant(mlp_layers, MLP, class_weights="balanced"),
    "activation: tanh": Variant(partial(mlp_layers, activation=cr.Tanh), MLP),
    "activation: sigmoid": Variant(partial(mlp_layers, activation=cr.Sigmoid), MLP),
    "augmentation": Variant(mlp_layers, MLP, augment=SHIFT),
    "batch norm": Variant(partial(mlp_layers, normalize=True), MLP),
    "dropout 0.2": Variant(partial(mlp_layers, dropout=0.2), MLP),
    CNN: Variant(cnn_layers, MLP),
}

NORMALIZED = partial(cnn_layers, normalize=True)
RECIPE = recipe(NORMALIZED, CNN_RECIPE)

CNN_IMPROVEMENTS = {
    CNN_RECIPE: replace(RECIPE, against=CNN),
    "without batch norm": replace(RECIPE, layers=cnn_layers),
    "without augmentation": replace(RECIPE, augment=None),
    "with elastic distortion besides": replace(RECIPE, augment=f"{AFFINE} + elastic(alpha=20)"),
    "with mixup besides": replace(RECIPE, augment=f"{AFFINE} + mix_up"),
    "with dropout 0.4 besides": replace(RECIPE, layers=partial(NORMALIZED, dropout=0.4)),
    "without label smoothing": replace(RECIPE, loss="softmax_cross_entropy"),
    "without weights for the classes": replace(RECIPE, class_weights=None),
    "without the average of weights": replace(RECIPE, average=None),
    "at a constant rate": replace(RECIPE, schedule="constant"),
}

MLP_WHOLE, CNN_WHOLE = "MLP 256-128, all images", "CNN, all images"

VARIANTS = {
    **MLP_IMPROVEMENTS,
    **CNN_IMPROVEMENTS,
    MLP_WHOLE: replace(recipe(partial(mlp_layers, normalize=True)), whole=True),
    CNN_WHOLE: replace(recipe(NORMALIZED), whole=True),
}
