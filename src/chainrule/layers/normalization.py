"""Normalization: zero mean and unit variance, then a learnt scale and shift.

    x̂ = (x - μ) / σ,  σ = sqrt(variance + ε),      y = γ x̂ + β.

Over the m values that share μ and σ, both depend on every x. With g = γ dy = ∂L/∂x̂ the chain
rule has three paths from x to the loss, directly, through μ and through σ,

    dx = (g - mean(g) - x̂ · mean(g x̂)) / σ,

where the second term is the path through μ and the third the one through σ. Batch norm takes
its means over the batch, for each channel; layer norm over the features, for each example.
"""

from __future__ import annotations

import numpy as np

from chainrule.arguments import number
from chainrule.layers.base import Layer
from chainrule.types import Array, Shape

Cache = tuple[Array, Array, bool]  # x̂, σ, and whether μ and σ came from this x


class BatchNorm(Layer):
    """y = γ (x - μ) / sqrt(σ² + ε) + β, with μ and σ² of the batch, for each channel.

    In training the mean and the (biased) variance are those of the batch, over all axes but
    the last; prediction uses their running averages, updated at each training step as
    running <- (1 - momentum) running + momentum · batch, the variance unbiased there (PyTorch).
    A batch with a single value for each channel normalizes to β.

    Shapes: x and y (N, …, channels); γ, β, running_mean, running_variance (channels,).
    Backward: dγ = Σ dy x̂, dβ = Σ dy, dx as at the top of this file; in evaluation μ and σ are
    constants and dx = γ dy / σ.

    Args:
        momentum: the weight of the newest batch in the running averages.
        epsilon: added to the variance.
    Source: Ioffe & Szegedy, Batch Normalization (2015), algorithm 1 and section 3.

    >>> layer = BatchNorm()
    >>> layer.build((1,))
    (1,)
    >>> layer.forward(np.array([[1.0], [3.0]]), training=True)[0].round(3)
    array([[-1.],
           [ 1.]])
    >>> layer.running_mean
    array([0.2], dtype=float32)
    """

    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array
    running_mean: Array
    running_variance: Array

    def __init__(self, momentum: float = 0.1, epsilon: float = 1e-5) -> None:
        self.momentum = number(momentum, "momentum", "[0, 1]")
        self.epsilon = number(epsilon, "epsilon", "(0, inf)")

    def setup(self, input_shape: Shape) -> Shape:
        channels = input_shape[-1:]
        self.declare("gamma", channels, "ones")
        self.declare("beta", channels, "zeros")
        self.declare_buffer("running_mean", channels, "zeros")
        self.declare_buffer("running_variance", channels, "ones")
        return input_shape

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Cache]:
        if training:
            mean, variance = self._batch_statistics(x)
        else:
            mean, variance = self.running_mean, self.running_variance
        sigma = np.sqrt(variance + self.epsilon)
        x_hat = (x - mean) / sigma
        return self.gamma * x_hat + self.beta, (x_hat, sigma, training)

    def _batch_statistics(self, x: Array) -> tuple[Array, Array]:
        axes = tuple(range(x.ndim - 1))
        count = x.size // x.shape[-1]
        mean, variance = x.mean(axis=axes), x.var(axis=axes)
        unbiased = variance * (count / max(count - 1, 1))
        self.running_mean += self.momentum * (mean - self.running_mean)
        self.running_variance += self.momentum * (unbiased - self.running_variance)
        return mean, variance

    def backward(self, dy: Array, cache: Cache) -> Array:
        x_hat, sigma, from_batch = cache
        axes = tuple(range(dy.ndim - 1))
        self.dgamma += (dy * x_hat).sum(axis=axes)
        self.dbeta += dy.sum(axis=axes)
        g = self.gamma * dy
        if not from_batch:
            return g / sigma
        return (g - g.mean(axis=axes) - x_hat * (g * x_hat).mean(axis=axes)) / sigma


class LayerNorm(Layer):
    """y = γ (x - μ) / sqrt(σ² + ε) + β, with μ and σ² over the last axis of each example.

    Shapes: x and y (N, …, features); γ, β (features,).
    Backward: dγ = Σ dy x̂, dβ = Σ dy, dx as at the top of this file.

    Args:
        epsilon: added to the (biased) variance.
    Source: Ba, Kiros & Hinton, Layer Normalization (2016), eq. 3.

    >>> layer = LayerNorm()
    >>> layer.build((2,))
    (2,)
    >>> layer.forward(np.array([[1.0, 3.0]]))[0].round(3)
    array([[-1.,  1.]])
    """

    gamma: Array
    beta: Array
    dgamma: Array
    dbeta: Array

    def __init__(self, epsilon: float = 1e-5) -> None:
        self.epsilon = number(epsilon, "epsilon", "(0, inf)")

    def setup(self, input_shape: Shape) -> Shape:
        self.declare("gamma", input_shape[-1:], "ones")
        self.declare("beta", input_shape[-1:], "zeros")
        return input_shape

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Array]]:
        sigma = np.sqrt(x.var(axis=-1, keepdims=True) + self.epsilon)
        x_hat = (x - x.mean(axis=-1, keepdims=True)) / sigma
        return self.gamma * x_hat + self.beta, (x_hat, sigma)

    def backward(self, dy: Array, cache: tuple[Array, Array]) -> Array:
        x_hat, sigma = cache
        axes = tuple(range(dy.ndim - 1))
        self.dgamma += (dy * x_hat).sum(axis=axes)
        self.dbeta += dy.sum(axis=axes)
        g = self.gamma * dy
        through_mean = g.mean(axis=-1, keepdims=True)
        through_sigma = x_hat * (g * x_hat).mean(axis=-1, keepdims=True)
        return (g - through_mean - through_sigma) / sigma
