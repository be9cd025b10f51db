"""The order of axes: channels last here and in Keras, channels first in PyTorch.

Where images are flattened, the order of the features depends on it too, until the next dense
layer, whose rows are then in another order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from chainrule.layers import Conv1D, Conv2D, ConvTranspose2D, Dense, Flatten, Layer, PReLU
from chainrule.types import Array, Shape

Order = Literal["channels first", "channels last"]

# Where each axis of a kernel, (height, width, in, out) or (length, in, out) here, comes from.
KERNELS: dict[tuple[Order, type[Layer]], Shape] = {
    ("channels first", Conv1D): (2, 1, 0),
    ("channels first", Conv2D): (3, 2, 0, 1),
    ("channels first", ConvTranspose2D): (2, 3, 0, 1),
    ("channels last", ConvTranspose2D): (0, 1, 3, 2),
}

TORCH_NAMES = {  # of arrays, in a module of PyTorch
    "W": "weight",
    "b": "bias",
    "gamma": "weight",
    "beta": "bias",
    "alpha": "weight",
    "running_mean": "running_mean",
    "running_variance": "running_var",
}


@dataclass(frozen=True)
class Layout:
    """How another framework lays out what a layer receives, gives and holds.

    The features are those of flattened images that it has in another order: which of ours each
    of its own is, before the layer and after it.
    """

    order: Order
    features_in: Array | None = None
    features_out: Array | None = None
    pixel_axes: int = 0  # of an example that the layer is given
    turned: tuple[int, ...] = ()  # how many axes those examples have whose channels it has first

    def activations(self, y: Array) -> Array:
        """A layer's output ``(N, …)``, or the gradient of it, as the other framework has it."""
        if y.ndim - 1 in self.turned:
            return np.moveaxis(y, -1, 1)
        return y if self.features_out is None else y[:, self.features_out]

    def parameter(self, layer: Layer, values: Array) -> Array:
        """A layer's array, or the gradient of it, as the other framework has it."""
        is_weights = values.ndim > 1
        if (self.order, type(layer)) in KERNELS and is_weights:
            return values.transpose(KERNELS[self.order, type(layer)])
        if self.order == "channels last" and isinstance(layer, PReLU):
            return values.reshape(*(1 for _ in range(self.pixel_axes)), -1)
        if self.features_in is not None and (is_weights or not isinstance(layer, Dense)):
            values = values[self.features_in]
        is_turned = isinstance(layer, Dense) and self.order == "channels first"
        return values.T if is_turned else values


def layouts(order: Order, layers: Iterable[tuple[Layer, Shape]]) -> Iterator[Layout]:
    """The layout of each layer in turn, given with the shape of its input."""
    layers = list(layers)
    turned = turned_examples(order, (layer for layer, _ in layers))
    features: Array | None = None
    for layer, input_shape in layers:
        before = features
        if isinstance(layer, Dense):
            features = None
        elif isinstance(layer, Flatten) and len(input_shape) in turned:
            places = np.arange(int(np.prod(input_shape))).reshape(input_shape)
            features = np.moveaxis(places, -1, 0).ravel()
        yield Layout(order, before, features, max(len(input_shape) - 1, 0), turned)


def turned_examples(order: Order, layers: Iterable[Layer]) -> tuple[int, ...]:
    """How many axes those examples have whose channels the other framework has first: images, and
    sequences in a network that convolves them. Without, (N, length, features) is the same there."""
    if order == "channels last":
        return ()
    return (2, 3) if any(isinstance(layer, Conv1D) for layer in layers) else (3,)
