"""The order of axes: channels last here and in Keras, channels first in PyTorch.

Where images are flattened, the order of the features depends on it too, until the next dense
layer, whose rows are then in another order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from chainrule.layers import Conv2D, ConvTranspose2D, Dense, Flatten, Layer
from chainrule.types import Array, Shape

Order = Literal["channels first", "channels last"]

# Where each axis of a kernel, (height, width, in, out) here, comes from.
KERNELS: dict[tuple[Order, type[Layer]], Shape] = {
    ("channels first", Conv2D): (3, 2, 0, 1),
    ("channels first", ConvTranspose2D): (2, 3, 0, 1),
    ("channels last", ConvTranspose2D): (0, 1, 3, 2),
}

TORCH_NAMES = {  # of arrays, in a module of PyTorch
    "W": "weight",
    "b": "bias",
    "gamma": "weight",
    "beta": "bias",
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

    def activations(self, y: Array) -> Array:
        """A layer's output ``(N, …)``, or the gradient of it, as the other framework has it."""
        if self.order == "channels first" and y.ndim == 4:
            return y.transpose(0, 3, 1, 2)
        return y if self.features_out is None else y[:, self.features_out]

    def parameter(self, layer: Layer, values: Array) -> Array:
        """A layer's array, or the gradient of it, as the other framework has it."""
        is_weights = values.ndim > 1
        if (self.order, type(layer)) in KERNELS and is_weights:
            return values.transpose(KERNELS[self.order, type(layer)])
        if self.features_in is not None and (is_weights or not isinstance(layer, Dense)):
            values = values[self.features_in]
        is_turned = isinstance(layer, Dense) and self.order == "channels first"
        return values.T if is_turned else values


def layouts(order: Order, layers: Iterable[tuple[Layer, Shape]]) -> Iterator[Layout]:
    """The layout of each layer in turn, given with the shape of its input."""
    features: Array | None = None
    for layer, input_shape in layers:
        before = features
        if isinstance(layer, Dense):
            features = None
        elif isinstance(layer, Flatten) and len(input_shape) == 3 and order == "channels first":
            places = np.arange(int(np.prod(input_shape))).reshape(input_shape)
            features = places.transpose(2, 0, 1).ravel()
        yield Layout(order, before, features)
