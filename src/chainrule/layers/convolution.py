"""Convolution and its transpose.

As everywhere in deep learning, "convolution" slides the kernel without turning it round. With
x padded, stride s and dilation d, for each output channel o

    y[n, r, c, o] = Σ_i Σ_j Σ_k  x[n, r·s + i·d, c·s + j·d, k] · W[i, j, k, o]  +  b[o].

Collect what window (r, c) sees in ``patches[n, r, c, i, j, k]``. Then y is a product of
matrices, y = patches · W, and the chain rule reads as for a dense layer,

    dW = patchesᵀ dy        db = Σ_n Σ_r Σ_c dy        d(patches) = dy Wᵀ,

and since patches copies pixels out of x, dx adds every d(patches) back to the pixel it came
from: `Windows.fold`, the adjoint of `Windows.patches`.

The transposed convolution is that adjoint used as a layer: forward folds, backward collects. A
convolution over a sequence is one over an image of a single row.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from chainrule.arguments import Pair, integer, pair, size
from chainrule.configurable import Description
from chainrule.errors import ArgumentError, ShapeError
from chainrule.initializers import Initializer
from chainrule.layers.base import Layer, expect_image, expect_sequence
from chainrule.layers.windows import Padding, Windows, check_padding
from chainrule.presentation.display import counted
from chainrule.regularizers import Regularizer
from chainrule.types import Array, Shape

KERNEL = [-3, -2, -1]  # (kernel height, kernel width, channels) in patches
POSITIONS = [0, 1, 2]  # (example, row, column) in patches, in x and in y
STEPS = [0, 1]  # (example, step) in those of a sequence


class Convolution(Layer):
    """What all convolutions share: their kernel, its steps, and groups of channels.

    The arguments are listed in `Conv2D`.
    """

    W: Array
    b: Array
    dW: Array
    db: Array
    windows: Windows
    inputs_of: list[slice]  # the input channels of each group
    outputs_of: list[slice]  # its output channels

    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: Padding = "valid",
        *,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        initializer: Initializer | Description = "he_uniform",
        regularizer: Regularizer | Description | None = None,
    ) -> None:
        self.out_channels = integer(out_channels, "out_channels")
        self.kernel_size = size(kernel_size, "kernel_size")
        self.stride = size(stride, "stride")
        self.padding = check_padding(padding)
        self.dilation = size(dilation, "dilation")
        self.groups = integer(groups, "groups")
        self.bias = bias
        self.initializer = initializer
        self.regularizer = regularizer
        if self.out_channels % self.groups:
            raise ArgumentError(f"groups={groups} does not divide out_channels={out_channels}")

    def declare_kernels(self, channels: int, shape: Shape) -> None:
        """Declare W of this shape, ``(…, inputs, outputs)``, and b."""
        if channels % self.groups:
            raise ShapeError(
                f"has groups={self.groups}, which does not divide {counted(channels, 'channel')}"
            )
        self.declare("W", shape, self.initializer, self.regularizer)
        if self.bias:
            self.declare("b", (self.out_channels,))
        self.inputs_of = _equal_parts(channels, self.groups)
        self.outputs_of = _equal_parts(self.out_channels, self.groups)


class Conv2D(Convolution):
    """y[n, r, c, o] = Σ_ijk x[n, r·s + i·d, c·s + j·d, k] W[i, j, k, o] + b[o].

    Shapes: x (N, height, width, channels), W (kernel height, kernel width, channels / groups,
    out_channels), b (out_channels,), y (N, rows, columns, out_channels) with
    rows = floor((height + padding - d (kernel height - 1) - 1) / s) + 1.
    Backward: dW = patchesᵀ dy, db = Σ dy, dx = fold(dy Wᵀ); see the top of this file.

    Args:
        out_channels: how many kernels.
        kernel_size, stride, dilation: a number of pixels, or a pair (height, width).
        padding: "valid" (none), "same" (output of ceil(size / stride), odd padding below and to
            the right, as Keras and ONNX SAME_UPPER), or zeros on each side: a number, a pair.
        groups: split the channels into so many groups, convolved apart; `groups=channels` is a
            depthwise convolution.
        bias, regularizer: as in Dense.
        initializer: first values of W; unless given He's, for the ReLU that usually follows.
    Raises:
        ShapeError: not an image, a kernel larger than it, channels that groups do not divide.
    Source: LeCun et al., Gradient-Based Learning Applied to Document Recognition (1998), II.A;
        Dumoulin & Visin, A guide to convolution arithmetic for deep learning (2016), chapter 2.

    >>> layer = Conv2D(1, 2, initializer="ones")
    >>> layer.build((3, 3, 1))
    (2, 2, 1)
    >>> y, patches = layer.forward(np.arange(9.0).reshape(1, 3, 3, 1))
    >>> y[0, :, :, 0]
    array([[ 8., 12.],
           [20., 24.]])
    >>> layer.backward(np.ones_like(y), patches)[0, :, :, 0]  # how many windows saw each pixel
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """

    def setup(self, input_shape: Shape) -> Shape:
        height, width, channels = expect_image(input_shape)
        self.windows = Windows.over(
            (height, width), self.kernel_size, self.stride, self.padding, self.dilation
        )
        kernel = (channels // self.groups, self.out_channels)
        self.declare_kernels(channels, (*self.windows.kernel_size, *kernel))
        return (*self.windows.positions, self.out_channels)

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        patches = self.windows.patches(x)
        y = np.empty((*patches.shape[:3], self.out_channels), dtype=x.dtype)
        for k, o in zip(self.inputs_of, self.outputs_of, strict=True):
            y[..., o] = np.tensordot(patches[..., k], self.W[..., o], axes=3)
        if self.bias:
            y += self.b
        return y, patches

    def backward(self, dy: Array, patches: Array) -> Array:
        if self.bias:
            self.db += dy.sum(axis=(0, 1, 2))
        dpatches = np.empty_like(patches)
        for k, o in zip(self.inputs_of, self.outputs_of, strict=True):
            dy_o, W_o = dy[..., o], self.W[..., o]
            self.dW[..., o] += np.tensordot(patches[..., k], dy_o, axes=(POSITIONS, POSITIONS))
            dpatches[..., k] = np.tensordot(dy_o, W_o, axes=(-1, -1))
        return self.windows.fold(dpatches)


class Conv1D(Convolution):
    """y[n, t, o] = Σ_ik x[n, t·s + i·d, k] W[i, k, o] + b[o].

    Shapes: x (N, length, channels), W (kernel_size, channels / groups, out_channels),
    b (out_channels,), y (N, steps, out_channels) with
    steps = floor((length + padding - d (kernel_size - 1) - 1) / s) + 1.
    Backward: as in Conv2D, dW = patchesᵀ dy, db = Σ dy, dx = fold(dy Wᵀ).

    Args:
        out_channels: how many kernels.
        kernel_size, stride, dilation: a number of steps.
        padding: "valid", "same", or so many zeros on each side.
        others: as in Conv2D.
    Raises:
        ShapeError: not a sequence, a kernel longer than it, channels that groups do not divide.
    Source: Waibel et al., Phoneme Recognition Using Time-Delay Neural Networks (1989).

    >>> layer = Conv1D(1, 2, initializer="ones")
    >>> layer.build((4, 1))
    (3, 1)
    >>> y, patches = layer.forward(np.array([1.0, 2.0, 4.0, 8.0]).reshape(1, 4, 1))
    >>> y[0, :, 0]
    array([ 3.,  6., 12.])
    >>> layer.backward(np.ones_like(y), patches)[0, :, 0]  # how many windows saw each step
    array([1., 2., 2., 1.])
    """

    kernel_size: int
    stride: int
    padding: Literal["valid", "same"] | int
    dilation: int

    def __init__(
        self,
        out_channels: int,
        kernel_size: int,
        stride: int = 1,
        padding: Literal["valid", "same"] | int = "valid",
        *,
        dilation: int = 1,
        groups: int = 1,
        bias: bool = True,
        initializer: Initializer | Description = "he_uniform",
        regularizer: Regularizer | Description | None = None,
    ) -> None:
        super().__init__(
            out_channels,
            integer(kernel_size, "kernel_size"),
            integer(stride, "stride"),
            padding if isinstance(padding, str) else integer(padding, "padding", at_least=0),
            dilation=integer(dilation, "dilation"),
            groups=groups,
            bias=bias,
            initializer=initializer,
            regularizer=regularizer,
        )

    def setup(self, input_shape: Shape) -> Shape:
        length, channels = expect_sequence(input_shape)
        self.windows = Windows.along(
            length, self.kernel_size, self.stride, self.padding, self.dilation
        )
        kernel = (self.kernel_size, channels // self.groups, self.out_channels)
        self.declare_kernels(channels, kernel)
        return (self.windows.positions[1], self.out_channels)

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        patches = self.windows.patches(x[:, None])[:, 0, :, 0]
        y = np.empty((*patches.shape[:2], self.out_channels), dtype=x.dtype)
        for k, o in zip(self.inputs_of, self.outputs_of, strict=True):
            y[..., o] = np.tensordot(patches[..., k], self.W[..., o], axes=2)
        if self.bias:
            y += self.b
        return y, patches

    def backward(self, dy: Array, patches: Array) -> Array:
        if self.bias:
            self.db += dy.sum(axis=(0, 1))
        dpatches = np.empty_like(patches)
        for k, o in zip(self.inputs_of, self.outputs_of, strict=True):
            dy_o, W_o = dy[..., o], self.W[..., o]
            self.dW[..., o] += np.tensordot(patches[..., k], dy_o, axes=(STEPS, STEPS))
            dpatches[..., k] = np.tensordot(dy_o, W_o, axes=(-1, -1))
        return self.windows.fold(dpatches[:, None, :, None])[:, 0]


class ConvTranspose2D(Convolution):
    """y[n, r·s + i·d, c·s + j·d, o] += Σ_k x[n, r, c, k] W[i, j, k, o], cropped; + b[o].

    The adjoint of the convolution with the same kernel_size, stride, padding and dilation: it
    turns that one's output shape back into its input shape.

    Shapes: x (N, rows, columns, channels), W (kernel height, kernel width, channels,
    out_channels / groups), b (out_channels,), y (N, height, width, out_channels) with
    height = (rows - 1) s - 2 padding + d (kernel height - 1) + 1 + output_padding,
    and with padding="same" height = rows · s (Keras).
    Backward: with patches = the windows of dy, dW = xᵀ patches, dx = patches Wᵀ, db = Σ dy.

    Args:
        output_padding: rows and columns added below and to the right, less than the stride: a
            convolution with a stride gives several input sizes the same output size.
        others: as in Conv2D.
    Raises:
        ShapeError: not an image, nothing left after cropping, channels that groups do not divide.
    Source: Zeiler et al., Deconvolutional Networks (2010); Dumoulin & Visin (2016), chapter 4.

    >>> layer = ConvTranspose2D(1, 2, stride=2, initializer="ones")
    >>> layer.build((2, 2, 1))
    (4, 4, 1)
    >>> layer.forward(np.arange(4.0).reshape(1, 2, 2, 1))[0][0, :, :, 0]
    array([[0., 0., 1., 1.],
           [0., 0., 1., 1.],
           [2., 2., 3., 3.],
           [2., 2., 3., 3.]])
    """

    def __init__(
        self,
        out_channels: int,
        kernel_size: int | Pair,
        stride: int | Pair = 1,
        padding: Padding = "valid",
        *,
        output_padding: int | Pair = 0,
        dilation: int | Pair = 1,
        groups: int = 1,
        bias: bool = True,
        initializer: Initializer | Description = "glorot_uniform",
        regularizer: Regularizer | Description | None = None,
    ) -> None:
        super().__init__(
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation=dilation,
            groups=groups,
            bias=bias,
            initializer=initializer,
            regularizer=regularizer,
        )
        self.output_padding = size(output_padding, "output_padding", at_least=0)
        for extra, step in zip(
            pair(output_padding, "output_padding", 0), pair(stride, "stride"), strict=True
        ):
            if extra >= step or (extra and padding == "same"):
                raise ArgumentError(
                    f"output_padding={output_padding} must be less than stride={stride}, "
                    "and zero with padding='same'"
                )

    def setup(self, input_shape: Shape) -> Shape:
        rows, columns, channels = expect_image(input_shape)
        self.windows = Windows.onto(
            (rows, columns),
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.output_padding,
        )
        kernel = (channels, self.out_channels // self.groups)
        self.declare_kernels(channels, (*self.windows.kernel_size, *kernel))
        return (*self.windows.image, self.out_channels)

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        reach = self.windows.kernel_size
        patches = np.empty((*x.shape[:3], *reach, self.out_channels), dtype=x.dtype)
        for k, o in zip(self.inputs_of, self.outputs_of, strict=True):
            patches[..., o] = np.tensordot(x[..., k], self.W[:, :, k], axes=(-1, -2))
        y = self.windows.fold(patches)
        if self.bias:
            y += self.b
        return y, x

    def backward(self, dy: Array, x: Array) -> Array:
        if self.bias:
            self.db += dy.sum(axis=(0, 1, 2))
        dpatches = self.windows.patches(dy)
        dx = np.empty_like(x)
        for k, o in zip(self.inputs_of, self.outputs_of, strict=True):
            dpatches_o, W_k = dpatches[..., o], self.W[:, :, k]
            dW_k = np.tensordot(dpatches_o, x[..., k], axes=(POSITIONS, POSITIONS))
            self.dW[:, :, k] += dW_k.swapaxes(-1, -2)  # (…, out, in) -> (…, in, out)
            dx[..., k] = np.tensordot(dpatches_o, W_k, axes=(KERNEL, [0, 1, 3]))
        return dx


def _equal_parts(channels: int, groups: int) -> list[slice]:
    """The channels of each group."""
    each = channels // groups
    return [slice(start, start + each) for start in range(0, channels, each)]
