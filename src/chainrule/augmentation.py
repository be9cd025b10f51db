"""Images moved, turned and scaled at random in training, so that a network learns what does not
matter.

Each example is changed anew in every epoch, as the seed, the epoch and its place in the data say:
any epoch can be repeated without those before it, whatever the batches.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.arguments import integer, number
from chainrule.configurable import Configurable
from chainrule.errors import ArgumentError
from chainrule.seeding import generator
from chainrule.types import Array

__all__ = ["Affine"]

AT_A_TIME = 256  # images that are interpolated together


@dataclass(frozen=True, repr=False)
class Affine(Configurable):
    """The pixel at p comes from c + R (p - c) / s + t, where c is the middle of the image, R a
    rotation, s a scale and t a shift; between pixels it is interpolated linearly, and beyond the
    edges the image goes on as it ends there.

    Args:
        shift: pixels, at most, up or down and to a side, each number as likely.
        rotation: degrees, at most, to either side.
        scale: the share, below 1, by which an image grows or shrinks at most.

    >>> images = np.zeros((2, 8, 8, 1), np.float32)
    >>> Affine(shift=2, rotation=10, scale=0.1).of_epoch(images, seed=0, epoch=1)[:].shape
    (2, 8, 8, 1)
    """

    shift: int = 1
    rotation: float = 5.0
    scale: float = 0.05

    def __post_init__(self) -> None:
        integer(self.shift, "shift", at_least=0)
        number(self.rotation, "rotation", "[0, 180]")
        number(self.scale, "scale", "[0, 1)")

    def of_epoch(self, x: Any, seed: int, epoch: int) -> ChangedImages:
        """Images ``(N, height, width, channels)`` as they are in an epoch, made when they are
        read.

        Raises:
            ArgumentError: x has examples of another kind.
        """
        if len(x.shape) != 4:
            raise ArgumentError(
                f"augment changes images (height, width, channels), but an example has shape "
                f"{tuple(x.shape[1:])}: leave it out"
            )
        count, reach = len(x), self.shift
        shifts = generator(seed, "shift", epoch).integers(0, 2 * reach + 1, (2, count)) - reach
        angles = generator(seed, "rotation", epoch).uniform(-1, 1, count)
        scales = generator(seed, "scale", epoch).uniform(-1, 1, count)
        angles *= math.radians(self.rotation)
        return ChangedImages(x, shifts.T, angles, 1 + self.scale * scales)


class ChangedImages:
    """Images seen through shifts, rotations and scales ``(N, …)``: indexing makes those that are
    asked for."""

    def __init__(self, x: Any, shifts: npt.NDArray[np.int64], angles: Array, scales: Array) -> None:
        self._x, self._shifts, self._angles, self._scales = x, shifts, angles, scales
        self.shape, self.dtype, self.ndim = tuple(x.shape), x.dtype, 4
        self._only_moves = not angles.any() and bool((scales == 1).all())

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: Any) -> Array:
        rows = np.arange(len(self))[index]
        images = np.asarray(self._x[rows])
        return self._move(images, rows) if self._only_moves else self._transform(images, rows)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        return self[:].astype(dtype or self.dtype, copy=False)

    def _move(self, images: Array, rows: npt.NDArray[np.intp]) -> Array:
        """By whole pixels, which needs no interpolation."""
        reach = int(np.abs(self._shifts).max())
        around = (reach, reach)
        padded = np.pad(images, ((0, 0), around, around, (0, 0)), mode="edge")
        windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:3], axis=(1, 2))
        down, right = reach + self._shifts[rows].T
        moved = windows[np.arange(len(rows)), down, right]  # (n, channels, height, width)
        return np.ascontiguousarray(np.moveaxis(moved, 1, -1))

    def _transform(self, images: Array, rows: npt.NDArray[np.intp]) -> Array:
        middle = (np.array(images.shape[1:3]) - 1) / 2
        cos, sin = (f(self._angles[rows]) / self._scales[rows] for f in (np.cos, np.sin))
        matrices = np.stack([cos, -sin, sin, cos], axis=1).reshape(-1, 2, 2)
        offsets = middle + self._shifts[rows] - matrices @ middle
        pixels = np.indices(images.shape[1:3]).reshape(2, -1)  # each place: down, right
        changed = np.empty_like(images)
        for start in range(0, len(images), AT_A_TIME):
            part = slice(start, start + AT_A_TIME)
            places = matrices[part] @ pixels + offsets[part, :, None]
            changed[part] = interpolated(images[part], places).reshape(changed[part].shape)
        return changed


def interpolated(images: Array, places: Array) -> Array:
    """What images show at places ``(N, 2, P)`` between their pixels: ``(N, P, channels)``.

    Each is the mean of the four pixels around it, by how near they are; beyond the edges the
    image goes on as it ends there.
    """
    height, width = images.shape[1:3]
    down = np.clip(places[:, 0], 0, height - 1)
    right = np.clip(places[:, 1], 0, width - 1)
    top, left = down.astype(np.intp), right.astype(np.intp)
    bottom, beside = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    precision = np.result_type(images, np.float32)
    lower, later = ((part % 1)[..., None].astype(precision) for part in (down, right))
    each = np.arange(len(images))[:, None]
    above = images[each, top, left] * (1 - later) + images[each, top, beside] * later
    below = images[each, bottom, left] * (1 - later) + images[each, bottom, beside] * later
    between = above * (1 - lower) + below * lower
    return between.round() if images.dtype.kind in "iu" else between


AUGMENTATIONS: dict[str, type[Affine]] = {"affine": Affine}
