"""What can be changed in examples, and what is drawn for it.

Each class says what it does to an example and draws for all N examples of an epoch at once; `stage`
puts the draws together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from chainrule.arguments import integer, number
from chainrule.augment.numbers import key_of
from chainrule.augment.warps import Elasticity, Graininess, gaussian_weights
from chainrule.configurable import Configurable
from chainrule.seeding import generator
from chainrule.types import Array

SIDES = 2  # of a box: down and right


@dataclass(frozen=True, repr=False)
class Change(Configurable):
    """The base of all that can be changed. `is_of_images` says that it needs examples of shape
    (height, width, channels)."""

    is_of_images: ClassVar[bool] = True


@dataclass(frozen=True, repr=False)
class Affine(Change):
    """Images moved, turned, scaled and slanted: the pixel at p comes from

        c + R K (p - c) / s + t,

    where c is the middle of the image, R a rotation, K a shear along rows, s a scale and t a shift.
    Between pixels the image is interpolated linearly; beyond the edges it goes on as it ends there.

    Args:
        shift: pixels, at most, up or down and to a side, each number as likely.
        rotation: degrees, at most, to either side.
        scale: the share, below 1, by which an image grows or shrinks at most.
        shear: degrees, at most, by which upright lines lean to either side.

    >>> Affine(shift=2, rotation=10, scale=0.1).matrices((8, 8, 1), count=5, seed=0, epoch=1).shape
    (5, 2, 3)
    """

    shift: int = 1
    rotation: float = 5.0
    scale: float = 0.05
    shear: float = 0.0

    def __post_init__(self) -> None:
        integer(self.shift, "shift", at_least=0)
        number(self.rotation, "rotation", "[0, 180]")
        number(self.scale, "scale", "[0, 1)")
        number(self.shear, "shear", "[0, 90)")

    def matrices(self, shape: tuple[int, ...], count: int, seed: int, epoch: int) -> Array:
        """``(N, 2, 3)``: the pixel at p = (down, right) comes from A (down, right, 1)."""
        shifts = generator(seed, "shift", epoch).integers(0, 2 * self.shift + 1, (2, count))
        angles, scales, slants = (
            generator(seed, purpose, epoch).uniform(-1, 1, count)
            for purpose in ("rotation", "scale", "shear")
        )
        angles, scales = math.radians(self.rotation) * angles, 1 + self.scale * scales
        slants = np.tan(math.radians(self.shear) * slants)
        cos, sin = np.cos(angles) / scales, np.sin(angles) / scales
        # R = (cos, -sin; sin, cos) / s, times K = (1, 0; slant, 1)
        turned = np.stack([cos - sin * slants, -sin, sin + cos * slants, cos], axis=1)
        matrices = turned.reshape(-1, SIDES, SIDES)
        middle = (np.array(shape[:SIDES]) - 1) / 2
        offsets = middle + (shifts.T - self.shift) - matrices @ middle
        return np.concatenate([matrices, offsets[:, :, None]], axis=2)


@dataclass(frozen=True, repr=False)
class Elastic(Change):
    """Images seen through rippled glass: the pixel at p comes from p + α d(p), where d is uniform
    noise in [-1, 1], down and to the right, smoothed by a Gaussian of standard deviation σ. Outside
    the image the noise counts as 0.

    Args:
        alpha: how strong it is. A pixel moves by about α / (6 σ), as standard deviation.
        sigma: pixels, how wide a ripple is.

    Source: Simard, Steinkraus & Platt, Best Practices for Convolutional Neural Networks Applied to
    Visual Document Analysis (2003), section 2, with these values for images of 29x29.
    """

    alpha: float = 34.0
    sigma: float = 4.0

    def __post_init__(self) -> None:
        number(self.alpha, "alpha", "[0, inf)")
        number(self.sigma, "sigma", "(0, 100]")

    def elasticity(self, seed: int, epoch: int) -> Elasticity:
        """What the displacements of an epoch are made of."""
        return Elasticity(self.alpha, gaussian_weights(self.sigma), key_of(seed, "elastic", epoch))


@dataclass(frozen=True, repr=False)
class CutOut(Change):
    """Images with a square of zeros, whose middle may be at any pixel: what is beyond an edge is
    lost.

    Args:
        size: pixels, the side of the square.

    Source: DeVries & Taylor, Improved Regularization of Convolutional Neural Networks with Cutout
    (2017).
    """

    size: int = 8

    def __post_init__(self) -> None:
        integer(self.size, "size")

    def boxes(self, shape: tuple[int, ...], count: int, seed: int, epoch: int) -> Array:
        """``(N, 2, 2)``, see `boxes_around`."""
        sides = np.full((count, SIDES), self.size)
        return boxes_around(sides, shape, generator(seed, "cut-out", epoch))


@dataclass(frozen=True, repr=False)
class Noise(Change):
    """Examples with normal noise added to every number: x + ε, ε of N(0, std²).

    Args:
        std: the standard deviation; pixels are from 0 to 1.
    """

    std: float = 0.05
    is_of_images: ClassVar[bool] = False

    def __post_init__(self) -> None:
        number(self.std, "std", "[0, inf)")

    def graininess(self, seed: int, epoch: int) -> Graininess:
        """What the noise of an epoch is made of."""
        return Graininess(self.std, key_of(seed, "noise", epoch))


@dataclass(frozen=True)
class Mixing:
    """With what each example of an epoch is mixed: of the partner's numbers, those in a box, and a
    share of those elsewhere. `shares` ``(N,)`` is what an example keeps of its own target."""

    partners: Array
    shares: Array
    boxes: Array | None = None


@dataclass(frozen=True, repr=False)
class Mix(Change):
    """The base of what makes one example, and one target, of two; the second may be any other.

    λ is drawn from Beta(α, α): with a small α most examples stay nearly what they were, with 1
    every share is as likely.

    Args:
        alpha: α, above 0.
    """

    alpha: float

    def __post_init__(self) -> None:
        number(self.alpha, "alpha", "(0, inf)")

    def mixing(self, shape: tuple[int, ...], count: int, seed: int, epoch: int) -> Mixing:
        """With what each example of an epoch is mixed."""
        partners = generator(seed, "partner", epoch).integers(0, count, count)
        return Mixing(partners, generator(seed, "share", epoch).beta(self.alpha, self.alpha, count))


@dataclass(frozen=True, repr=False)
class MixUp(Mix):
    """x = λ x_i + (1 - λ) x_j, and targets in the same way.

    Args:
        alpha: λ is drawn from Beta(α, α): with a small α most examples stay nearly what they were.

    Source: Zhang et al., mixup: Beyond Empirical Risk Minimization (2018).
    """

    alpha: float = 0.2
    is_of_images: ClassVar[bool] = False


@dataclass(frozen=True, repr=False)
class CutMix(Mix):
    """Images with a box of another image in them, which has a share of 1 - λ of the area, where it
    is not cut off by an edge; targets are mixed by what there is of each.

    Args:
        alpha: λ is drawn from Beta(α, α): with 1 every share is as likely.

    Source: Yun et al., CutMix: Regularization Strategy to Train Strong Classifiers (2019).
    """

    alpha: float = 1.0

    def mixing(self, shape: tuple[int, ...], count: int, seed: int, epoch: int) -> Mixing:
        drawn = super().mixing(shape, count, seed, epoch)
        sides = np.sqrt(1 - drawn.shares)[:, None] * np.array(shape[:SIDES])
        boxes = boxes_around(sides.astype(np.int64), shape, generator(seed, "box", epoch))
        areas = (boxes[:, 1] - boxes[:, 0]).prod(axis=1)
        return Mixing(drawn.partners, 1 - areas / math.prod(shape[:SIDES]), boxes)


def boxes_around(sides: Array, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Boxes ``(N, 2, 2)`` with these sides ``(N, 2)`` around pixels drawn at random: first row and
    column, and those after the last, within the image."""
    size = np.array(shape[:SIDES])
    first = rng.integers(0, size, (len(sides), SIDES)) - sides // 2
    return np.clip(np.stack([first, first + sides], axis=1), 0, size)


CHANGES: dict[str, type[Change]] = {
    "affine": Affine,
    "elastic": Elastic,
    "cut_out": CutOut,
    "noise": Noise,
    "mix_up": MixUp,
    "cut_mix": CutMix,
}
