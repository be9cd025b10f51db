"""Dropout: in training, each value is left out at random.

y = m x with m = 1 / (1 - rate) for a value that stays and 0 for one that is left out, so that
the mean of y is x. Hence dy/dx = m: backward multiplies by the same mask.
"""

from __future__ import annotations

import numpy as np

from chainrule.arguments import integer, number
from chainrule.layers.base import Layer
from chainrule.seeding import generator
from chainrule.types import Array


class Dropout(Layer):
    """y = m x in training, with m = 0 with probability `rate`, else 1 / (1 - rate); y = x else.

    Shapes: x and y are equal, any.
    Backward: dx = m dy.

    Args:
        rate: the probability that a value is left out, in [0, 1).
        seed: for use outside a network. A network gives the layer a generator for each epoch,
            derived from (the network's seed, the layer's position, the epoch).
    Source: Srivastava et al., Dropout: A Simple Way to Prevent Neural Networks from Overfitting
        (2014); scaled in training ("inverted"), as in PyTorch.

    >>> Dropout(0.5, seed=1).forward(np.ones(6), training=True)[0]
    array([0., 2., 0., 2., 0., 0.])
    """

    random = True

    def __init__(self, rate: float = 0.5, *, seed: int = 0) -> None:
        self.rate = number(rate, "rate", "[0, 1)")
        self.seed = integer(seed, "seed", at_least=0)
        self.rng = generator(self.seed, "dropout")

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        if not training:
            return x, np.ones((), dtype=x.dtype)
        stays = self.rng.random(x.shape) >= self.rate
        mask = stays.astype(x.dtype) / (1 - self.rate)
        return x * mask, mask

    def backward(self, dy: Array, mask: Array) -> Array:
        return dy * mask
