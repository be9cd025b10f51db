"""Dropout: in training, values are left out at random.

y = m x with m = 1 / (1 - rate) for a value that stays and 0 for one that is left out, so that
the mean of y is x. Hence dy/dx = m: backward multiplies by the same mask.

The layers differ in what stays or is left out together: each value for itself (`Dropout`), a whole
channel of an image (`SpatialDropout2D`), or all of an example (`StochasticDepth`).
"""

from __future__ import annotations

import numpy as np

from chainrule.arguments import integer, number
from chainrule.layers.base import Layer, expect_image
from chainrule.seeding import generator
from chainrule.types import Array, Shape


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

    def mask_shape(self, x_shape: Shape) -> Shape:
        """The shape of the mask for a batch of this shape."""
        return x_shape

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        if not training:
            return x, np.ones((), dtype=x.dtype)
        stays = self.rng.random(self.mask_shape(x.shape)) >= self.rate
        mask = stays.astype(x.dtype) / (1 - self.rate)
        return x * mask, mask

    def backward(self, dy: Array, mask: Array) -> Array:
        return dy * mask


class SpatialDropout2D(Dropout):
    """y[n, r, c, k] = m[n, k] x[n, r, c, k] in training: a channel stays or goes as a whole.

    Neighbouring pixels tell nearly the same, so what `Dropout` leaves out of one the network reads
    off the next; a channel left out is missing everywhere.

    Shapes: x and y are equal, (N, height, width, channels); m (N, 1, 1, channels).
    Backward: dx = m dy.

    Args:
        rate, seed: as in `Dropout`, of channels.
    Raises:
        ShapeError: not an image.
    Source: Tompson et al., Efficient Object Localization Using Convolutional Networks (2015), 3.2;
        PyTorch's Dropout2d.

    >>> x = np.ones((1, 2, 2, 3))
    >>> SpatialDropout2D(0.5, seed=1).forward(x, training=True)[0][0, 0]
    array([[0., 2., 0.],
           [0., 2., 0.]])
    """

    def setup(self, input_shape: Shape) -> Shape:
        return expect_image(input_shape)

    def mask_shape(self, x_shape: Shape) -> Shape:
        return (x_shape[0], 1, 1, x_shape[3])


class StochasticDepth(Dropout):
    """y[n] = m[n] x[n] in training: an example stays or goes as a whole.

    It ends a residual branch, `Residual([…, StochasticDepth(0.1)])`: an example that is left out
    passes the block by the shortcut alone, so that in training the network is now deeper, now
    less deep. Rates commonly grow in equal steps from 0 at the first block.

    Shapes: x and y are equal, (N, …); m (N, 1, …).
    Backward: dx = m dy.

    Args:
        rate, seed: as in `Dropout`, of examples.
    Source: Huang et al., Deep Networks with Stochastic Depth (2016), 3; scaled in training, as in
        torchvision (there with mode="row").

    >>> StochasticDepth(0.5, seed=1).forward(np.ones((3, 2)), training=True)[0]
    array([[0., 0.],
           [2., 2.],
           [0., 0.]])
    """

    def mask_shape(self, x_shape: Shape) -> Shape:
        return (x_shape[0], *(1 for _ in x_shape[1:]))
