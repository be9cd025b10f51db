"""The fully connected layer.

Each output is a weighted sum of all inputs plus a bias. For a batch X of shape (N, I):

    Y = X W + b,   that is   Y[n, o] = Σ_i X[n, i] W[i, o] + b[o].

Write dY for the gradient of the loss L with respect to Y. The chain rule gives, entry by entry,

    ∂L/∂W[i, o] = Σ_n ∂L/∂Y[n, o] · ∂Y[n, o]/∂W[i, o] = Σ_n X[n, i] dY[n, o]   ->  dW = Xᵀ dY
    ∂L/∂b[o]    = Σ_n dY[n, o]                                                  ->  db = Σ_n dY
    ∂L/∂X[n, i] = Σ_o dY[n, o] W[i, o]                                          ->  dX = dY Wᵀ

and each of the three lines of `backward` is one of these.
"""

from __future__ import annotations

from chainrule.arguments import integer
from chainrule.configurable import Description
from chainrule.initializers import Initializer
from chainrule.layers.base import Layer, expect_flat
from chainrule.regularizers import Regularizer
from chainrule.types import Array, Shape


class Dense(Layer):
    """y = x W + b.

    Shapes: x (N, in_features), W (in_features, out_features), b (out_features,),
    y (N, out_features).
    Backward: dW = xᵀ dy, db = Σ_n dy, dx = dy Wᵀ.

    Args:
        out_features: how many outputs.
        bias: true if to add b.
        initializer: first values of W; b starts at zero.
        regularizer: a cost on W.
    Raises:
        ShapeError: the input is not flat.
    Source: Rumelhart, Hinton & Williams, Learning representations by back-propagating errors
        (1986).

    >>> import numpy as np
    >>> layer = Dense(2, initializer="ones")
    >>> layer.build((3,))
    (2,)
    >>> y, cache = layer.forward(np.array([[1.0, 2.0, 3.0]]))
    >>> y
    array([[6., 6.]])
    >>> layer.backward(np.array([[1.0, 10.0]]), cache)
    array([[11., 11., 11.]])
    """

    W: Array
    b: Array
    dW: Array
    db: Array

    def __init__(
        self,
        out_features: int,
        *,
        bias: bool = True,
        initializer: Initializer | Description = "glorot_uniform",
        regularizer: Regularizer | Description | None = None,
    ) -> None:
        self.out_features = integer(out_features, "out_features")
        self.bias = bias
        self.initializer = initializer
        self.regularizer = regularizer

    def setup(self, input_shape: Shape) -> Shape:
        in_features = expect_flat(input_shape)
        self.declare("W", (in_features, self.out_features), self.initializer, self.regularizer)
        if self.bias:
            self.declare("b", (self.out_features,))
        return (self.out_features,)

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        y = x @ self.W
        if self.bias:
            y += self.b
        return y, x

    def backward(self, dy: Array, x: Array) -> Array:
        self.dW += x.T @ dy  # (in, N) (N, out) -> (in, out)
        if self.bias:
            self.db += dy.sum(axis=0)
        return dy @ self.W.T  # (N, out) (out, in) -> (N, in)
