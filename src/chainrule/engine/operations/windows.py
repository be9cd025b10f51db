"""Where the windows of a convolution lie, as tables of offsets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from chainrule.arguments import Pair
from chainrule.engine.codegen.interleaved_products import interleaved_scratch
from chainrule.engine.codegen.products import most_steps, scratch_for
from chainrule.engine.codegen.tiles import APART, DEPTHWISE
from chainrule.engine.operations.padding import PaddedImage
from chainrule.engine.program.instructions import Private
from chainrule.layers.convolution import Convolution
from chainrule.layers.windows import Windows
from chainrule.types import Array


class Table(NamedTuple):
    """Windows on a padded image as the left factor of a product, see `products.Left`."""

    kind: int
    rows: Array  # where each begins
    row_count: int
    segments: Array
    segment_count: int
    length: int
    step: int
    reach: Array | None


class Walk(NamedTuple):
    """A product over windows: what it goes over, and what comes out for each of them."""

    image: PaddedImage
    windows: Table
    outputs: int
    groups: int
    scratch: Private


def grid(rows: int, columns: int, row_step: int, column_step: int) -> Array:
    """Offsets of a grid's points, row by row."""
    down, right = np.arange(rows) * row_step, np.arange(columns) * column_step
    return (down[:, None] + right).ravel().astype(np.int64)


def is_depthwise(layer: Convolution, channels: int) -> bool:
    """True if each of the channels that a layer is given has a kernel of its own."""
    return 1 < layer.groups == channels == layer.out_channels


@dataclass(frozen=True)
class Sides:
    """The two sides of a convolution: an image, and a number for each window on it.

    Args:
        windows: where they lie.
        item: bytes of a number.
        groups: of channels.
        interleaved: examples whose numbers stand together, see `interleave`.
        is_depthwise: True if each channel has a kernel of its own; all of them are one group then.
    """

    windows: Windows
    item: int
    groups: int
    interleaved: int
    is_depthwise: bool

    @classmethod
    def of(cls, layer: Convolution, channels: int, interleaved: int) -> Sides:
        """Those of a layer that is given so many channels."""
        as_one = interleaved == 1 and is_depthwise(layer, channels)
        groups = 1 if as_one else layer.groups
        return cls(layer.windows, layer.W.itemsize, groups, interleaved, as_one)

    @property
    def taps(self) -> int:
        """Entries of the kernel."""
        return math.prod(self.windows.kernel_size)

    def of_group(self, channels: int) -> int:
        """The channels of one group."""
        return channels // self.groups

    def pixel(self, channels: int) -> int:
        """Bytes of a pixel."""
        return channels * self.item * self.interleaved

    def into_windows(self, channels: int, outputs: int) -> Walk:
        """From the image to the windows: what a convolution does forward."""
        w = self.windows
        image = self.padded(w.image, channels, w.padded, w.before)
        return self._walk(image, self._windows(image, w.positions, w.stride), outputs)

    def onto_image(self, channels: int, outputs: int) -> Walk:
        """From the windows to the image: numbers set apart by the stride, within a border over
        which the kernel in reverse reaches every pixel."""
        w = self.windows
        reach = [(k - 1) * d for k, d in zip(w.kernel_size, w.dilation, strict=True)]
        padded = (w.image[0] + reach[0], w.image[1] + reach[1])
        corner = (reach[0] - w.before[0], reach[1] - w.before[1])
        image = self.padded(w.positions, channels, padded, corner, w.stride)
        return self._walk(image, self._windows(image, w.image, (1, 1)), outputs)

    def for_gradient(self, channels: int, outputs: int) -> Walk:
        """The image's windows, transposed: the left factor of dW. Its rows are the numbers of a
        window, its segments rows of windows."""
        w, pixel = self.windows, self.pixel(channels)
        row, inner = w.padded[1] * pixel, self.of_group(channels)
        rows = grid(*w.kernel_size, w.dilation[0] * row, w.dilation[1] * pixel)
        if not self.is_depthwise:
            rows = (rows[:, None] + np.arange(inner) * self.pixel(1)).ravel().astype(np.int64)
        segments = grid(w.positions[0], 1, w.stride[0] * row, 0)
        table = self._table(rows, segments, w.positions[1], w.stride[1] * pixel)
        image = self.padded(w.image, channels, w.padded, w.before)
        return self._walk(image, table, outputs)

    def _walk(self, image: PaddedImage, table: Table, outputs: int) -> Walk:
        scratch = self.scratch(table.segment_count, table.length, outputs)
        return Walk(image, table, outputs, self.groups, scratch)

    def scratch(self, segments: int, length: int, outputs: int) -> Private:
        """The memory for a product with so many segments of so many steps."""
        if self.interleaved > 1:
            return interleaved_scratch(self.item)
        columns = self.of_group(outputs)
        return scratch_for(segments * length, columns, self.item, segment=length)

    def padded(
        self, image: Pair, channels: int, padded: Pair, corner: Pair, steps: Pair = (1, 1)
    ) -> PaddedImage:
        """An image whose first pixel comes to lie at `corner` of one of size `padded`."""
        is_padded = (padded, corner, steps) != (image, (0, 0), (1, 1))
        size = padded[0] * padded[1] * channels * self.interleaved
        copy = Private(size) if is_padded else None
        return PaddedImage(copy, *image, channels, *padded, *corner, *steps)

    def _windows(self, image: PaddedImage, windows: Pair, stride: Pair) -> Table:
        """Windows that lie a stride apart. A row of the kernel is one segment where it has no gaps
        and is not too long, else each of its entries is."""
        w, channels = self.windows, image.channels
        pixel = self.pixel(channels)
        row, right = image.padded_width * pixel, w.dilation[1] * pixel
        rows = grid(*windows, stride[0] * row, stride[1] * pixel)
        length, step = w.kernel_size[1] * channels, self.pixel(1)
        columns = 1
        if self.is_depthwise:
            length, step = w.kernel_size[1], right
        elif self.groups > 1 or w.dilation[1] > 1 or length > most_steps(self.item):
            length, columns = self.of_group(channels), w.kernel_size[1]
        segments = grid(w.kernel_size[0], columns, w.dilation[0] * row, right)
        reach = self._reach(image, windows, stride[0], columns)
        return self._table(rows, segments, length, step, reach)

    def _table(
        self, rows: Array, segments: Array, length: int, step: int, reach: Array | None = None
    ) -> Table:
        kind = DEPTHWISE if self.is_depthwise else APART
        return Table(kind, rows, len(rows), segments, len(segments), length, step, reach)

    def _reach(self, image: PaddedImage, windows: Pair, stride: int, segments: int) -> Array | None:
        """For every window, the first segment that meets the image and the first of those behind
        them; None where all do. A row of the kernel has so many segments."""
        height, dilation = self.windows.kernel_size[0], self.windows.dilation[0]
        top, bottom = image.top, image.top + (image.height - 1) * image.step_down
        begin = np.arange(windows[0]) * stride
        first = np.clip(-((begin - top) // dilation), 0, height)
        stop = np.clip((bottom - begin) // dilation + 1, 0, height)
        if first.max() == 0 and stop.min() == height:
            return None
        reach = np.stack([first, stop], axis=1) * segments
        return np.repeat(reach, windows[1], axis=0).ravel().astype(np.int64)
