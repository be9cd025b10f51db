"""Layers that only rearrange: their backward pass puts things back."""

from __future__ import annotations

import math

from chainrule.arguments import shape as as_shape
from chainrule.errors import ShapeError
from chainrule.layers.base import Layer
from chainrule.types import Array, Shape


class Reshape(Layer):
    """y = x with each example in another shape.

    Shapes: x (N, *input_shape), y (N, *shape), with as many numbers in each.
    Backward: dx = dy in the input's shape.
    Raises:
        ShapeError: the two shapes hold different numbers of values.

    >>> Reshape((28, 28, 1)).build(784)
    (28, 28, 1)
    """

    def __init__(self, shape: Shape) -> None:
        self.shape = as_shape(shape, "shape")

    def setup(self, input_shape: Shape) -> Shape:
        if math.prod(self.shape) != math.prod(input_shape):
            raise ShapeError(
                f"cannot give {input_shape} the shape {self.shape}: "
                f"{math.prod(input_shape)} values against {math.prod(self.shape)}"
            )
        return self.shape

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Shape]:
        return x.reshape(len(x), *self.shape), x.shape

    def backward(self, dy: Array, input_shape: Shape) -> Array:
        return dy.reshape(input_shape)


class Flatten(Layer):
    """y = x with each example as one row.

    Shapes: x (N, *input_shape), y (N, product of input_shape).
    Backward: dx = dy in the input's shape.

    >>> Flatten().build((28, 28, 1))
    (784,)
    """

    def setup(self, input_shape: Shape) -> Shape:
        return (math.prod(input_shape),)

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Shape]:
        return x.reshape(len(x), -1), x.shape

    def backward(self, dy: Array, input_shape: Shape) -> Array:
        return dy.reshape(input_shape)
