"""Where the windows of a convolution or a pool lie, as tables of offsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from chainrule.arguments import Pair
from chainrule.engine.program.instructions import Private
from chainrule.layers.windows import Windows
from chainrule.types import Array


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
    reach: Array | None  # which segments meet the image, see `products.reached`
    length: int
    outputs: int
    groups: int
    lanes: int

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
        return (Private(self.padded[0] * self.padded[1] * self.channels * self.lanes),)

    def details(
        self, weights: Array, bias: Array | None, group_bytes: int, row_bytes: int
    ) -> dict[str, Any]:
        """An instruction's details, for weights whose groups and rows lie so many bytes apart."""
        if bias is None and self.lanes > 1:
            bias = np.zeros(self.outputs, weights.dtype)
        return {
            "arrays": (weights, bias, self.positions, self.segments, self.reach),
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
        lanes: examples that lie side by side, whose numbers stand together.
    """

    windows: Windows
    item: int
    groups: int
    lanes: int

    def pixel(self, channels: int) -> int:
        """Bytes of a pixel."""
        return channels * self.item * self.lanes

    def into_windows(self, channels: int, outputs: int) -> Walk:
        """From the image to the windows: what a convolution does forward."""
        w = self.windows
        return self._walk(
            w.image, channels, w.padded, w.before, (1, 1), w.positions, w.stride, outputs
        )

    def onto_image(self, channels: int, outputs: int) -> Walk:
        """From the windows to the image: numbers set apart by the stride, within a border over
        which the kernel, turned round, reaches every pixel."""
        w = self.windows
        reach = [(k - 1) * d for k, d in zip(w.kernel_size, w.dilation, strict=True)]
        padded = (w.image[0] + reach[0], w.image[1] + reach[1])
        corner = (reach[0] - w.before[0], reach[1] - w.before[1])
        return self._walk(w.positions, channels, padded, corner, w.stride, w.image, (1, 1), outputs)

    def _walk(
        self,
        image: Pair,
        channels: int,
        padded: Pair,
        corner: Pair,
        steps: Pair,
        windows: Pair,
        stride: Pair,
        outputs: int,
    ) -> Walk:
        w, pixel = self.windows, self.pixel(channels)
        row = padded[1] * pixel
        unbroken = self.groups == 1 and w.dilation[1] == 1  # a row of the kernel has no gaps
        columns = 1 if unbroken else w.kernel_size[1]
        return Walk(
            image,
            channels,
            padded,
            corner,
            steps,
            grid(*windows, stride[0] * row, stride[1] * pixel),
            grid(w.kernel_size[0], columns, w.dilation[0] * row, w.dilation[1] * pixel),
            self._reach(image[0], corner[0], steps[0], windows, stride[0], columns),
            w.kernel_size[1] * channels if unbroken else channels // self.groups,
            outputs,
            self.groups,
            self.lanes,
        )

    def _reach(
        self, rows: int, corner: int, step: int, windows: Pair, stride: int, segments: int
    ) -> Array | None:
        """For every window, the first segment that meets the image and the first of those behind
        them; None where all do. A row of the kernel has so many segments."""
        height, dilation = self.windows.kernel_size[0], self.windows.dilation[0]
        top = np.arange(windows[0]) * stride
        first = np.clip(-((top - corner) // dilation), 0, height)
        stop = np.clip((corner + (rows - 1) * step - top) // dilation + 1, 0, height)
        if first.max() == 0 and stop.min() == height:
            return None
        reach = np.stack([first, stop], axis=1) * segments
        return np.repeat(reach, windows[1], axis=0).ravel().astype(np.int64)

    def gradient(self, channels: int, outputs: int, parts: Private) -> dict[str, Any]:
        """An instruction's details for dW: the image's windows, transposed, times what stands for
        each window."""
        w = self.windows
        walk = self.into_windows(channels, outputs)
        pixel, width = self.pixel(channels), w.padded[1]
        inner = channels // self.groups
        taps = grid(*w.kernel_size, w.dilation[0] * width * pixel, w.dilation[1] * pixel)
        entries = (taps[:, None] + np.arange(inner) * self.pixel(1)).ravel().astype(np.int64)
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


class PoolTables(NamedTuple):
    """Where each window of a pool begins and which entries it has; the entries; the pixels that
    are in no window; see `pooling`."""

    windows: Array
    entries: Array
    gaps: Array


def pool_tables(windows: Windows) -> PoolTables:
    """The tables of a pool."""
    height, width = windows.image
    lists: dict[tuple[tuple[int, int], ...], int] = {}
    table, count, gaps = [], 0, np.ones(height * width, bool)
    for position in np.ndindex(*windows.positions):
        top, left = (
            place * step - before
            for place, step, before in zip(position, windows.stride, windows.before, strict=True)
        )
        entries = tuple(
            (i * width + j, number)
            for number, (i, j) in enumerate(np.ndindex(*windows.kernel_size))
            if 0 <= top + i < height and 0 <= left + j < width
        )
        if entries not in lists:
            lists[entries] = count
            count += len(entries)
        begin = top * width + left
        table.append((begin, lists[entries], len(entries)))
        gaps[[begin + offset for offset, _ in entries]] = False
    all_entries = [entry for entries in lists for entry in entries]
    return PoolTables(
        np.array(table, np.int64).ravel(),
        np.array(all_entries, np.int64).ravel(),
        np.flatnonzero(gaps).astype(np.int64),
    )


def overlap(windows: Windows) -> bool:
    """Whether a pixel can be in several windows of a pool."""
    return any(step < size for step, size in zip(windows.stride, windows.kernel_size, strict=True))
