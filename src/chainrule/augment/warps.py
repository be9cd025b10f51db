"""Images seen through displaced pixels, and noise, in NumPy: the compiled form has its values.

    warped(p) = image(A p + α d(p)),    then    + ε,

where A is an affine map and d the smoothed noise of an elastic distortion.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from chainrule.augment.numbers import random_bits, two_uniforms
from chainrule.types import Array

AT_A_TIME = 256  # images that are interpolated together
WIDTHS = 3  # standard deviations after which a Gaussian is cut off


@dataclass(frozen=True)
class Elasticity:
    """Displacements of `alpha` times noise that `weights` smooth; `key` is where its random numbers
    begin."""

    alpha: float
    weights: Array
    key: int


@dataclass(frozen=True)
class Graininess:
    """Normal noise of this standard deviation; `key` is where its random numbers begin."""

    std: float
    key: int


@dataclass(frozen=True)
class Warp:
    """What happens to each example by itself, in one epoch: `matrices` ``(N, 2, 3)`` say where
    pixels come from; parts that are None change nothing."""

    matrices: Array | None = None
    elasticity: Elasticity | None = None
    graininess: Graininess | None = None

    @property
    def moves(self) -> bool:
        """True if pixels change their places."""
        return self.matrices is not None or self.elasticity is not None


def warp_in_numpy(x: Array, examples: npt.NDArray[np.intp], warp: Warp) -> Array:
    """Examples of these numbers, warped and with noise: a new array."""
    changed = np.empty_like(x)
    for start in range(0, len(x), AT_A_TIME):
        part = slice(start, start + AT_A_TIME)
        changed[part] = moved(x[part], examples[part], warp) if warp.moves else x[part]
    if warp.graininess is not None:
        size = math.prod(x.shape[1:])
        changed += noise(warp.graininess, examples, size).reshape(x.shape).astype(x.dtype)
    return changed


def moved(images: Array, examples: npt.NDArray[np.intp], warp: Warp) -> Array:
    """Images whose pixels come from elsewhere."""
    height, width = images.shape[1:3]
    places = np.indices((height, width)).reshape(2, -1)  # each pixel: down, right
    if warp.matrices is not None:
        matrices = warp.matrices[examples]
        places = matrices[:, :, :2] @ places + matrices[:, :, 2:]
    if warp.elasticity is not None:
        places = places + displacements(warp.elasticity, examples, height, width)
    return interpolated(images, places).reshape(images.shape)


def displacements(
    elasticity: Elasticity, examples: npt.NDArray[np.intp], height: int, width: int
) -> Array:
    """α d: how far each pixel is displaced, down and to the right ``(N, 2, height · width)``."""
    pairs = two_uniforms(random_bits(elasticity.key, examples, height * width))
    fields = np.stack([2 * uniform - 1 for uniform in pairs], axis=1)
    down, right = (smoothing_matrix(elasticity.weights, size) for size in (height, width))
    smooth = down @ fields.reshape(-1, 2, height, width) @ right
    return elasticity.alpha * smooth.reshape(-1, 2, height * width)


def gaussian_weights(sigma: float) -> Array:
    """A Gaussian at whole numbers, from -3σ to 3σ, whose sum is 1."""
    reach = math.ceil(WIDTHS * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return weights / weights.sum()


def smoothing_matrix(weights: Array, size: int) -> Array:
    """The matrix that smooths `size` numbers in a row, beyond which there are zeros."""
    reach = len(weights) // 2
    distances = np.arange(size)[:, None] - np.arange(size)
    inside = np.abs(distances) <= reach
    return np.where(inside, weights[np.clip(distances + reach, 0, 2 * reach)], 0.0)


def noise(graininess: Graininess, examples: npt.NDArray[np.intp], size: int) -> Array:
    """Normal numbers ``(N, size)``, two of them of two uniform ones.

    Source: Box & Muller, A Note on the Generation of Random Normal Deviates (1958).
    """
    u, v = two_uniforms(random_bits(graininess.key, examples, (size + 1) // 2))
    radius, angle = np.sqrt(-2 * np.log(u)), 2 * math.pi * v
    pairs = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=2)
    return graininess.std * pairs.reshape(len(examples), -1)[:, :size]


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
    lower, later = ((part % 1)[..., None].astype(images.dtype) for part in (down, right))
    each = np.arange(len(images))[:, None]
    above = images[each, top, left] * (1 - later) + images[each, top, beside] * later
    below = images[each, bottom, left] * (1 - later) + images[each, bottom, beside] * later
    return above * (1 - lower) + below * lower
