"""How whole numbers are known for the pixels of images."""

from __future__ import annotations

import math

import numpy as np

from chainrule.types import Array

INKS = ("dark", "light")
SAMPLE = 256  # images looked at together
FEWER_SHADES = (1, 15, 16)  # the number of white, where there are not 256 shades
GROUND = 0.25  # so near to black or to white is the ground of a drawing
CONTRAST = 0.5  # between it and the ink

SMALLEST_IMAGE = 64
"""Fewest columns of a table that is taken for grey images: 8x8. Below that, a square number
of whole-number columns is more likely a table of features."""


def holds_pixels(x: Array) -> bool:
    """True of images of whole numbers from 0 to 255, and of tables of them: a square number of
    columns, 64 or more, and a value above 1."""
    if x.dtype.kind not in "ui" or x.ndim > 4:
        return False
    if x.ndim == 2 and not _may_be_an_image(x.shape[1]):
        return False
    if x.dtype == np.uint8 and x.ndim > 2:
        return True
    return bool(x.min() >= 0 and 1 < x.max() <= 255)


def holds_scaled_pixels(x: Array) -> bool:
    """True of a table that `holds_pixels` would know, had its numbers not been divided by 255."""
    if x.ndim != 2 or not _may_be_an_image(x.shape[1]):
        return False
    return bool(x.min() >= 0 and x.max() <= 1)


def _may_be_an_image(columns: int) -> bool:
    """True of a square number of columns that is not too small."""
    return columns >= SMALLEST_IMAGE and math.isqrt(columns) ** 2 == columns


def as_bytes(values: Array) -> Array:
    """Whole numbers from 0 to 255, however they were written, are the pixels of images."""
    if values.dtype == np.uint8 or not (values.min() >= 0 and values.max() <= 255):
        return values
    return values.astype(np.uint8) if np.all(values == np.floor(values)) else values


def find_white(images: Array) -> float:
    """The number that stands for white in images of whole numbers from 0: 255, unless the largest
    that occurs is 1, or 15 or 16, as in scikit-learn's digits. They are read in pieces until one
    says otherwise, and no further where the first are all black: they may be on disk, and larger
    than memory.

    >>> find_white(np.eye(3, dtype=np.uint8)[None]), find_white(np.full((1, 3, 3), 200, np.uint8))
    (1.0, 255.0)
    """
    largest = 0
    for start in range(0, len(images), SAMPLE):
        largest = max(largest, int(images[start : start + SAMPLE].max()))
        if largest == 0 or largest > max(FEWER_SHADES):
            break
    return float(largest) if largest in FEWER_SHADES else 255.0


def find_ink(images: Array) -> str | None:
    """``"light"`` where images in [0, 1] have a dark ground, as their edges show, ``"dark"`` where
    they have a light one; None where they have neither, or are in colour.

    >>> find_ink(np.pad(np.ones((1, 4, 4, 1)), ((0, 0), (2, 2), (2, 2), (0, 0))))
    'light'
    """
    if images.ndim != 4 or images.shape[-1] != 1:
        return None
    some = np.asarray(images[:: max(1, len(images) // SAMPLE)][:SAMPLE])
    edges = [some[:, 0], some[:, -1], some[:, :, 0], some[:, :, -1]]
    ground = float(np.median(np.concatenate([edge.ravel() for edge in edges])))
    if ground <= GROUND and some.max() - ground >= CONTRAST:
        return "light"
    return "dark" if ground >= 1 - GROUND and ground - some.min() >= CONTRAST else None
