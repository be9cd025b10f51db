"""Pooling: one number for each window, channel by channel.

The largest (`MaxPool2D`): y = x[k*] with k* the place of the maximum, so ∂y/∂x[k] is 1 at k* and
0 elsewhere. The mean (`AveragePool2D`): ∂y/∂x[k] = 1 / (number of pixels) everywhere.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.arguments import Pair, size
from chainrule.errors import ShapeError
from chainrule.layers.base import Layer, expect_image
from chainrule.layers.windows import Padding, Windows, check_padding
from chainrule.types import Array, Shape


class Pool2D(Layer):
    """The base of both: which windows there are.

    Args:
        kernel_size: height and width of a window, a number or a pair.
        stride: from one window to the next; as large as the window unless given.
        padding: as in Conv2D.
    """

    windows: Windows

    def __init__(
        self,
        kernel_size: int | Pair,
        stride: int | Pair | None = None,
        padding: Padding = "valid",
    ) -> None:
        self.kernel_size = size(kernel_size, "kernel_size")
        self.stride = None if stride is None else size(stride, "stride")
        self.padding = check_padding(padding)

    def setup(self, input_shape: Shape) -> Shape:
        height, width, channels = expect_image(input_shape)
        stride = self.kernel_size if self.stride is None else self.stride
        self.windows = Windows.over((height, width), self.kernel_size, stride, self.padding)
        if any(
            border >= reach
            for border, reach in zip(self.windows.before, self.windows.kernel_size, strict=True)
        ):
            raise ShapeError(
                f"has windows of nothing but padding: padding={self.padding} must be less than "
                f"kernel_size={self.kernel_size}"
            )
        return (*self.windows.positions, channels)


class MaxPool2D(Pool2D):
    """y[n, r, c, k] = max over the window of x[n, ·, ·, k].

    Padding is -inf, so that it never wins. Where several pixels of a window are equally large,
    the first one (by row, then column) receives the whole gradient, as in PyTorch.

    Shapes: x (N, height, width, channels), y (N, rows, columns, channels).
    Backward: dx[k*] += dy, where k* is the place of the maximum.
    Raises:
        ShapeError: not an image, a window larger than it, or one of padding alone.
    Source: Ranzato et al., Unsupervised Learning of Invariant Feature Hierarchies (2007).

    >>> layer = MaxPool2D(2)
    >>> layer.build((2, 4, 1))
    (1, 2, 1)
    >>> x = np.array([[1.0, 2.0, 7.0, 7.0], [4.0, 3.0, 0.0, 7.0]]).reshape(1, 2, 4, 1)
    >>> y, cache = layer.forward(x)
    >>> y.ravel()
    array([4., 7.])
    >>> layer.backward(np.ones_like(y), cache)[0, :, :, 0]
    array([[0., 0., 1., 0.],
           [1., 0., 0., 0.]])
    """

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        patches = self.windows.patches(x, fill=-np.inf)
        count, rows, columns, _, _, channels = patches.shape
        candidates = patches.reshape(count, rows, columns, -1, channels)
        winner = candidates.argmax(axis=3, keepdims=True)
        return np.take_along_axis(candidates, winner, axis=3)[:, :, :, 0], winner

    def backward(self, dy: Array, winner: Array) -> Array:
        count, rows, columns, _, channels = winner.shape
        height, width = self.windows.kernel_size
        dcandidates = np.zeros((count, rows, columns, height * width, channels), dy.dtype)
        np.put_along_axis(dcandidates, winner, dy[:, :, :, None], axis=3)
        return self.windows.fold(dcandidates.reshape(count, rows, columns, height, width, channels))


class AveragePool2D(Pool2D):
    """y[n, r, c, k] = mean over the window of x[n, ·, ·, k].

    Padding given as a number or a pair counts as zeros in the mean (PyTorch); the padding of
    "same" does not count (Keras).

    Shapes: x (N, height, width, channels), y (N, rows, columns, channels).
    Backward: every pixel of a window receives dy / (number of pixels that count).
    Raises:
        ShapeError: not an image, a window larger than it, or one of padding alone.
    Source: LeCun et al., Gradient-Based Learning Applied to Document Recognition (1998), II.A.

    >>> layer = AveragePool2D(2)
    >>> layer.build((2, 2, 1))
    (1, 1, 1)
    >>> layer.forward(np.array([1.0, 2.0, 3.0, 6.0]).reshape(1, 2, 2, 1))[0].item()
    3.0
    """

    def setup(self, input_shape: Shape) -> Shape:
        output_shape = super().setup(input_shape)
        if self.padding == "same":
            ones = np.ones((1, *self.windows.image, 1))
            self.pixels = self.windows.patches(ones).sum(axis=(3, 4))  # (1, rows, columns, 1)
        else:
            self.pixels = np.full((1, 1, 1, 1), math.prod(self.windows.kernel_size))
        return output_shape

    def forward(self, x: Array, training: bool = False) -> tuple[Array, None]:
        return self.windows.patches(x).sum(axis=(3, 4)) / self.pixels.astype(x.dtype), None

    def backward(self, dy: Array, cache: None) -> Array:
        share = (dy / self.pixels.astype(dy.dtype))[:, :, :, None, None]
        count, rows, columns, channels = dy.shape
        return self.windows.fold(
            np.broadcast_to(share, (count, rows, columns, *self.windows.kernel_size, channels))
        )


class GlobalMaxPool2D(Layer):
    """y[n, k] = max over all pixels of x[n, ·, ·, k].

    Where several pixels are equally large, the first one receives the whole gradient, as in
    MaxPool2D.

    Shapes: x (N, height, width, channels), y (N, channels).
    Backward: dx[k*] = dy, where k* is the place of the maximum, and 0 elsewhere.
    Raises:
        ShapeError: not an image.
    Source: Oquab et al., Is Object Localization for Free? (2015), 3.

    >>> layer = GlobalMaxPool2D()
    >>> layer.build((2, 2, 1))
    (1,)
    >>> y, cache = layer.forward(np.array([1.0, 2.0, 6.0, 3.0]).reshape(1, 2, 2, 1))
    >>> y
    array([[6.]])
    >>> layer.backward(np.ones_like(y), cache)[0, :, :, 0]
    array([[0., 0.],
           [1., 0.]])
    """

    def setup(self, input_shape: Shape) -> Shape:
        _, _, channels = expect_image(input_shape)
        return (channels,)

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Shape]]:
        pixels = x.reshape(len(x), -1, x.shape[-1])
        winner = pixels.argmax(axis=1, keepdims=True)
        return np.take_along_axis(pixels, winner, axis=1)[:, 0], (winner, x.shape)

    def backward(self, dy: Array, cache: tuple[Array, Shape]) -> Array:
        winner, input_shape = cache
        count, height, width, channels = input_shape
        dpixels = np.zeros((count, height * width, channels), dy.dtype)
        np.put_along_axis(dpixels, winner, dy[:, None], axis=1)
        return dpixels.reshape(input_shape)


class GlobalAveragePool2D(Layer):
    """y[n, k] = mean over all pixels of x[n, ·, ·, k].

    Shapes: x (N, height, width, channels), y (N, channels).
    Backward: dx[n, r, c, k] = dy[n, k] / (height · width).
    Raises:
        ShapeError: not an image.
    Source: Lin, Chen & Yan, Network In Network (2014), 3.2.

    >>> layer = GlobalAveragePool2D()
    >>> layer.build((2, 2, 1))
    (1,)
    >>> layer.forward(np.array([1.0, 2.0, 3.0, 6.0]).reshape(1, 2, 2, 1))[0]
    array([[3.]])
    """

    def setup(self, input_shape: Shape) -> Shape:
        _, _, channels = expect_image(input_shape)
        return (channels,)

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Shape]:
        return x.mean(axis=(1, 2)), x.shape

    def backward(self, dy: Array, input_shape: Shape) -> Array:
        _, height, width, _ = input_shape
        return np.broadcast_to(dy[:, None, None] / (height * width), input_shape).copy()
