"""The windows that a kernel visits on an image, shared by convolution and pooling.

`patches` reads every window; `fold` is its adjoint: it adds every window back to where it was
read. What one does in a layer's forward pass, the other does in its backward pass.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from chainrule.arguments import Pair, choice, pair, size
from chainrule.errors import ShapeError
from chainrule.types import Array

Padding = Literal["valid", "same"] | int | Pair


@dataclass(frozen=True)
class Windows:
    """Where the windows lie on an image of size `image`; all pairs are (height, width)."""

    image: Pair
    kernel_size: Pair
    stride: Pair
    dilation: Pair
    before: Pair  # padding above and to the left
    after: Pair  # padding below and to the right

    @classmethod
    def over(
        cls,
        image: Pair,
        kernel_size: int | Pair,
        stride: int | Pair,
        padding: Padding,
        dilation: int | Pair = 1,
    ) -> Windows:
        """The windows for a padding given as layers take it.

        "valid" pads nothing. "same" pads with zeros until the output has ceil(size / stride)
        positions, the odd row or column below and to the right (Keras; ONNX SAME_UPPER). A
        number or a pair pads that much on both sides.
        """
        kernel_size, stride = pair(kernel_size, "kernel_size"), pair(stride, "stride")
        dilation = pair(dilation, "dilation")
        if padding == "same":
            extent = _extent(kernel_size, dilation)
            total = [
                max((-(-size // step) - 1) * step + reach - size, 0)
                for size, step, reach in zip(image, stride, extent, strict=True)
            ]
            before = (total[0] // 2, total[1] // 2)
            after = (total[0] - before[0], total[1] - before[1])
        else:
            before = after = (0, 0) if padding == "valid" else pair(padding, "padding", at_least=0)
        windows = cls(image, kernel_size, stride, dilation, before, after)
        windows._check_fit()
        return windows

    @classmethod
    def along(
        cls,
        length: int,
        kernel_size: int,
        stride: int,
        padding: Literal["valid", "same"] | int,
        dilation: int,
    ) -> Windows:
        """The windows `over` a sequence, as an image of one row."""
        sides = padding if isinstance(padding, str) else (0, padding)
        try:
            return cls.over((1, length), (1, kernel_size), (1, stride), sides, (1, dilation))
        except ShapeError:
            raise ShapeError(
                f"has a kernel reaching over {(kernel_size - 1) * dilation + 1} steps, longer than "
                f"the sequence of {length} and its padding: use a smaller kernel_size, or "
                "padding='same'"
            ) from None

    @classmethod
    def onto(
        cls,
        positions: Pair,
        kernel_size: int | Pair,
        stride: int | Pair,
        padding: Padding,
        dilation: int | Pair,
        output_padding: int | Pair,
    ) -> Windows:
        """The windows that a transposed convolution writes: those `over` the smallest image
        that has so many `positions`, made larger by `output_padding`. With "same" the image has
        positions · stride pixels.
        """
        steps = pair(stride, "stride")
        if padding == "same":
            image = (positions[0] * steps[0], positions[1] * steps[1])
        else:
            border = (0, 0) if padding == "valid" else pair(padding, "padding", at_least=0)
            reach = _extent(pair(kernel_size, "kernel_size"), pair(dilation, "dilation"))
            extra = pair(output_padding, "output_padding", at_least=0)
            height, width = (
                (positions[axis] - 1) * steps[axis] - 2 * border[axis] + reach[axis] + extra[axis]
                for axis in (0, 1)
            )
            image = (height, width)
        if min(image) < 1:
            raise ShapeError(f"has no output left: padding={padding} crops all of it")
        return cls.over(image, kernel_size, stride, padding, dilation)

    @property
    def padded(self) -> Pair:
        """The size of the image with its padding."""
        return (
            self.image[0] + self.before[0] + self.after[0],
            self.image[1] + self.before[1] + self.after[1],
        )

    @property
    def positions(self) -> Pair:
        """How many windows there are: the size of the output."""
        rows, columns = (
            (size - reach) // step + 1
            for size, reach, step in zip(
                self.padded, _extent(self.kernel_size, self.dilation), self.stride, strict=True
            )
        )
        return rows, columns

    def patches(self, x: Array, fill: float = 0.0) -> Array:
        """(N, H, W, C) -> (N, rows, columns, kernel height, kernel width, C)."""
        count, _, _, channels = x.shape
        padded = np.full((count, *self.padded, channels), fill, dtype=x.dtype)
        self._inside(padded)[...] = x
        patches = np.empty((count, *self.positions, *self.kernel_size, channels), dtype=x.dtype)
        for i in range(self.kernel_size[0]):
            for j in range(self.kernel_size[1]):
                patches[:, :, :, i, j] = padded[self._seen_by(i, j)]
        return patches

    def fold(self, patches: Array) -> Array:
        """(N, rows, columns, kernel height, kernel width, C) -> (N, H, W, C)."""
        count, channels = patches.shape[0], patches.shape[-1]
        padded = np.zeros((count, *self.padded, channels), dtype=patches.dtype)
        for i in range(self.kernel_size[0]):
            for j in range(self.kernel_size[1]):
                padded[self._seen_by(i, j)] += patches[:, :, :, i, j]
        return self._inside(padded)

    def _seen_by(self, i: int, j: int) -> tuple[slice, slice, slice]:
        """The pixels of the padded image that kernel entry (i, j) meets, one per window."""
        rows, columns = self.positions
        top, left = i * self.dilation[0], j * self.dilation[1]
        return (
            slice(None),
            slice(top, top + (rows - 1) * self.stride[0] + 1, self.stride[0]),
            slice(left, left + (columns - 1) * self.stride[1] + 1, self.stride[1]),
        )

    def _inside(self, padded: Array) -> Array:
        """The image within its padding."""
        (top, left), (height, width) = self.before, self.image
        return padded[:, top : top + height, left : left + width]

    def _check_fit(self) -> None:
        extent = _extent(self.kernel_size, self.dilation)
        if extent[0] > self.padded[0] or extent[1] > self.padded[1]:
            raise ShapeError(
                f"has a kernel reaching over {extent[0]} x {extent[1]} pixels, larger than the "
                f"image of {self.padded[0]} x {self.padded[1]} (padding included): use a smaller "
                "kernel_size, padding='same', or fewer pooling layers before it"
            )


def check_padding(padding: Padding) -> Padding:
    """`padding` if it is one, for a layer's constructor."""
    if isinstance(padding, str):
        choice(padding, "padding", ["valid", "same"])
        return padding
    return size(padding, "padding", at_least=0)


def _extent(kernel_size: Pair, dilation: Pair) -> Pair:
    """How many pixels a dilated kernel reaches over."""
    return (
        (kernel_size[0] - 1) * dilation[0] + 1,
        (kernel_size[1] - 1) * dilation[1] + 1,
    )
