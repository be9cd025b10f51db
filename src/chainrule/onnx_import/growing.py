"""Layers in the making, and how what they give lies in ONNX.

Images have the channels last here and first in ONNX. What a layer gives is the same on both sides
up to the order of its axes, or, once images are flattened, of its features: `axes` and `features`
say which of ours each of ONNX's is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.layers import Layer
from chainrule.layers.base import set_up
from chainrule.types import Array, Shape

MOST_NUMBERS = 2**28  # in an example, or between two layers; a damaged file may ask for more
Weights = dict[Layer, Mapping[str, Array]]  # the arrays of each layer by name


class Growing:
    """A row of layers that grows.

    `shape` is that of an example of what the last one gives, here; in ONNX it is what we have with
    ``transpose(axes)``, or with ``[:, features]`` where `features` is not None.
    """

    def __init__(self, shape: Shape, axes: Shape, features: Array | None, weights: Weights) -> None:
        self.shape, self.axes, self.features, self.weights = shape, axes, features, weights
        self.layers: list[Layer] = []

    def branch(self) -> Growing:
        """A new row that begins where this one ends."""
        return Growing(self.shape, self.axes, self.features, self.weights)

    def add(self, layer: Layer, **arrays: Array) -> None:
        """One layer more, with the values of its arrays.

        Raises:
            ShapeError: it does not fit what comes before it, or its arrays are of other shapes.
            ArgumentError: they hold numbers that are not finite.
        """
        self.shape = set_up(layer, self.shape)
        if math.prod(self.shape) > MOST_NUMBERS:
            raise ShapeError(f"gives examples of shape {self.shape}, larger than can be meant")
        for name, array in arrays.items():
            expected = layer._declarations()[name].shape
            if array.shape != expected or array.dtype.kind != "f":
                raise ShapeError(
                    f"has {name} of shape {array.shape} ({array.dtype}); {layer!r} takes {expected}"
                )
            if not np.isfinite(array).all():
                raise ArgumentError(f"has {name} with numbers that are not finite")
        self.layers.append(layer)
        if arrays:
            self.weights[layer] = arrays

    @property
    def rank(self) -> int:
        """How many axes there are, that of the examples included."""
        return len(self.axes)

    @property
    def shape_there(self) -> Shape:
        """The shape of an example in ONNX."""
        return tuple(self.shape[axis - 1] for axis in self.axes[1:])

    @property
    def has_channels_first(self) -> bool:
        """True if ONNX has the channels on axis 1, and the other axes in their order."""
        return self.axes == channels_first(self.rank)

    def is_last(self, axis: int) -> bool:
        """True if an axis of ONNX is the last one here."""
        return self.axes[axis % self.rank] == self.rank - 1

    def order_when_flat(self) -> Array | None:
        """Which of our features each of ONNX's is, once both are flattened; None if the order is
        the same."""
        places = np.arange(int(np.prod(self.shape))).reshape(self.shape)
        order = places.transpose([axis - 1 for axis in self.axes[1:]]).ravel()
        return None if (order == np.arange(order.size)).all() else order

    def our_order(self, values: Array) -> Array:
        """An array with a row for each feature of ONNX, with a row for each of ours."""
        if self.features is None:
            return values
        ours = np.empty_like(values)
        ours[self.features] = values
        return ours


def channels_first(rank: int) -> Shape:
    """Where each axis of ONNX comes from, for values with channels: ``(0, 3, 1, 2)`` for images."""
    return (0, rank - 1, *range(1, rank - 1))
