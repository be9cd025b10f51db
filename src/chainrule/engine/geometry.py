"""Where the windows of a convolution or a pool lie, as tables of offsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.arguments import Pair
from chainrule.engine.instructions import Private
from chainrule.layers.windows import Windows
from chainrule.parameters import Array


def grid(rows: int, columns: int, row_step: int, column_step: int) -> Array:
    """Offsets of a grid's points, row by row."""
    down, right = np.arange(rows) * row_step, np.arange(columns) * column_step
    return (down[:, None] + right).ravel().astype(np.int64)


@dataclass(frozen=True)
class Walk:
    """A product over windows: an image, copied into a larger one if need be, and the points on it
    where windows begin."""

    image: Pair
    channels: int
    padded: Pair
    corner: Pair  # where the image's first pixel comes to lie
    steps: Pair  # how far its pixels are set apart
    positions: Array
    segments: Array
    length: int
    outputs: int
    groups: int
    item: int

    @property
    def is_padded(self) -> bool:
        """Whether the image must be copied."""
        return (self.padded, self.corner, self.steps) != (self.image, (0, 0), (1, 1))

    @property
    def sizes(self) -> tuple[int, ...]:
        """The first of an instruction's sizes: the image and its copy."""
        return (*self.image, self.channels, *self.padded, *self.corner, *self.steps)

    def padding(self) -> tuple[Private, ...]:
        """Memory for the copy."""
        if not self.is_padded:
            return ()
        return (Private(self.padded[0] * self.padded[1] * self.channels),)

    def details(
        self, weights: Array, bias: Array | None, group_bytes: int, row_bytes: int
    ) -> dict[str, Any]:
        """An instruction's details, for weights whose groups and rows lie so many bytes apart."""
        return {
            "arrays": (weights, bias, self.positions, self.segments),
            "sizes": (
                *self.sizes,
                len(self.positions),
                self.outputs,
                self.groups,
                len(self.segments),
                self.length,
                group_bytes,
                row_bytes,
            ),
            "private": self.padding(),
        }


@dataclass(frozen=True)
class Geometry:
    """The two sides of a convolution: an image, and a number for each window on it.

    Args:
        windows: where they lie.
        item: bytes of a number.
        groups: of channels.
    """

    windows: Windows
    item: int
    groups: int

    def into_windows(self, channels: int, outputs: int) -> Walk:
        """From the image to the windows: what a convolution does forward."""
        w = self.windows
        width = w.padded[1]
        pixel = channels * self.item
        positions = grid(*w.positions, w.stride[0] * width * pixel, w.stride[1] * pixel)
        return self._walk(
            w.image, channels, w.padded, w.before, (1, 1), positions, pixel * width, outputs
        )

    def onto_image(self, channels: int, outputs: int) -> Walk:
        """From the windows to the image: numbers set apart by the stride, within a border over
        which the kernel, turned round, reaches every pixel."""
        w = self.windows
        reach = [(k - 1) * d for k, d in zip(w.kernel_size, w.dilation, strict=True)]
        padded = (w.image[0] + reach[0], w.image[1] + reach[1])
        corner = (reach[0] - w.before[0], reach[1] - w.before[1])
        pixel = channels * self.item
        positions = grid(*w.image, padded[1] * pixel, pixel)
        return self._walk(
            w.positions, channels, padded, corner, w.stride, positions, pixel * padded[1], outputs
        )

    def _walk(
        self,
        image: Pair,
        channels: int,
        padded: Pair,
        corner: Pair,
        steps: Pair,
        positions: Array,
        row_bytes: int,
        outputs: int,
    ) -> Walk:
        w, pixel = self.windows, channels * self.item
        together = self.groups == 1 and w.dilation[1] == 1  # a row of the kernel has no gaps
        columns = 1 if together else w.kernel_size[1]
        segments = grid(w.kernel_size[0], columns, w.dilation[0] * row_bytes, w.dilation[1] * pixel)
        length = w.kernel_size[1] * channels if together else channels // self.groups
        return Walk(
            image,
            channels,
            padded,
            corner,
            steps,
            positions,
            segments,
            length,
            outputs,
            self.groups,
            self.item,
        )

    def gradient(self, channels: int, outputs: int, parts: Private) -> dict[str, Any]:
        """An instruction's details for dW: the image's windows, transposed, times what stands for
        each window."""
        w = self.windows
        walk = self.into_windows(channels, outputs)
        pixel, width = channels * self.item, w.padded[1]
        inner = channels // self.groups
        taps = grid(*w.kernel_size, w.dilation[0] * width * pixel, w.dilation[1] * pixel)
        entries = (taps[:, None] + np.arange(inner) * self.item).ravel().astype(np.int64)
        segments = grid(w.positions[0], 1, w.stride[0] * width * pixel, 0)
        return {
            "arrays": (entries, segments),
            "sizes": (
                *walk.sizes,
                len(entries),
                outputs,
                self.groups,
                len(segments),
                w.positions[1],
                w.stride[1] * pixel,
            ),
            "private": (parts, *walk.padding()),
        }


def pool_tables(windows: Windows, channels: int) -> tuple[tuple[Array, ...], tuple[int, ...]]:
    """(row, column) of every window and of every entry in one; and the sizes that pools take."""
    rows, columns = windows.positions
    positions = [
        (r * windows.stride[0] - windows.before[0], c * windows.stride[1] - windows.before[1])
        for r in range(rows)
        for c in range(columns)
    ]
    taps = [
        (i * windows.dilation[0], j * windows.dilation[1])
        for i in range(windows.kernel_size[0])
        for j in range(windows.kernel_size[1])
    ]
    arrays = (np.array(positions, np.int64).ravel(), np.array(taps, np.int64).ravel())
    return arrays, (*windows.image, channels, len(positions), len(taps))
