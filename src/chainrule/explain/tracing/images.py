"""Arrays as small images, one pixel for each number.

Blue is positive and vermilion negative, and zero is transparent, so that it has the colour of
the page, be it light or dark.
"""

from __future__ import annotations

import base64
import io
import math
from dataclasses import dataclass

import numpy as np

from chainrule.extras import packages_for
from chainrule.presentation.palette import BLUE, VERMILION
from chainrule.types import Array

TILES = 64  # maps of one layer that are shown
IN_ROW = 16  # maps side by side
SIDE = 72  # pixels of the page for a map
LARGEST_PIXEL = 14  # pixels of the page for a number
LARGEST_MATRIX = 20_000  # numbers in an array that is still drawn


@dataclass(frozen=True)
class Image:
    """A PNG for an HTML page: its address, its size on the page, and what it shows."""

    source: str
    width: int
    caption: str


def image_of(array: Array) -> Image | None:
    """An array without its batch axis as an image; None where it is too large.

    Maps ``(height, width, channels)`` stand side by side, a row of numbers is folded into a
    rectangle, and kernels ``(height, width, inputs, outputs)`` are as many maps.
    """
    if array.size > LARGEST_MATRIX or not array.size:
        return None
    reach = float(np.abs(array[np.isfinite(array)]).max(initial=0)) or 1.0
    if array.ndim >= 3:
        maps = array.reshape(*array.shape[:2], -1)
        canvas, caption = _side_by_side(maps), _count_maps(maps)
        pixel = max(1, min(LARGEST_PIXEL, SIDE // max(maps.shape[:2])))
    else:
        canvas = _rectangle(array.ravel()) if array.ndim < 2 else array
        caption = "row by row" if array.ndim < 2 else ""
        pixel = max(1, min(LARGEST_PIXEL, 6 * SIDE // max(canvas.shape)))
    scale = f"from {-reach:.3g} (orange) to {reach:.3g} (blue)" if array.any() else "all 0"
    text = ", ".join(filter(None, [caption, scale]))
    return Image(_png(canvas / reach), canvas.shape[1] * pixel, text)


def _side_by_side(maps: Array) -> Array:
    """Maps ``(height, width, count)`` on one canvas, a line of nothing between them."""
    height, width, count = maps.shape
    shown = min(count, TILES)
    columns = min(shown, IN_ROW)
    rows = math.ceil(shown / columns)
    canvas = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for number in range(shown):
        top, left = ((height + 1) * (number // columns), (width + 1) * (number % columns))
        canvas[top : top + height, left : left + width] = maps[..., number]
    return canvas


def _count_maps(maps: Array) -> str:
    height, width, count = maps.shape
    shown = f"the first {TILES} of {count:,} maps" if count > TILES else f"{count} maps"
    return f"{shown if count > 1 else '1 map'} of {height} × {width}"


def _rectangle(values: Array) -> Array:
    """Numbers in a row as a rectangle about four times as wide as it is high."""
    columns = min(len(values), max(16, math.ceil(2 * math.sqrt(len(values)))))
    rows = math.ceil(len(values) / columns)
    padded = np.full(rows * columns, np.nan)
    padded[: len(values)] = values
    return padded.reshape(rows, columns)


def _png(values: Array) -> str:
    """Numbers in [-1, 1] as a PNG within an address."""
    with packages_for("a page with pictures"):
        from PIL import Image as Pillow

    strength = np.nan_to_num(np.abs(values), nan=0.0, posinf=1.0).clip(0, 1)
    positive, negative = (np.array(_rgb(colour)) for colour in (BLUE, VERMILION))
    pixels = np.empty((*values.shape, 4), np.uint8)
    pixels[..., :3] = np.where((values > 0)[..., None], positive, negative)
    pixels[..., 3] = np.rint(255 * strength)
    file = io.BytesIO()
    Pillow.fromarray(pixels, "RGBA").save(file, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


def _rgb(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
