"""Where weights start.

Each initializer fills an array of a given shape from a given generator. For weights of shape
``(…, in, out)`` (dense ``(in, out)``, convolution ``(height, width, in, out)``) the number
of inputs of one output is ``fan_in = … · in``, and ``fan_out = … · out``.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from chainrule.arguments import number
from chainrule.configurable import Configurable
from chainrule.errors import ArgumentError
from chainrule.types import Array, Shape


class Initializer(Configurable):
    """Draws first values: ``initializer(shape, rng)`` gives a float64 array.

    >>> HeNormal()((784, 128), np.random.default_rng(0)).std().round(3)  # sqrt(2 / 784)
    np.float64(0.051)
    """

    @abstractmethod
    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array: ...


@dataclass(frozen=True, repr=False)
class Constant(Initializer):
    """Every value is `value`."""

    value: float

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        return np.full(shape, float(self.value))


@dataclass(frozen=True, repr=False)
class Zeros(Initializer):
    """Every value is 0. Right for biases; weights that start equal stay equal."""

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        return np.zeros(shape)


@dataclass(frozen=True, repr=False)
class Ones(Initializer):
    """Every value is 1."""

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        return np.ones(shape)


@dataclass(frozen=True, repr=False)
class Normal(Initializer):
    """N(0, std²)."""

    std: float = 0.01

    def __post_init__(self) -> None:
        number(self.std, "std", "(0, inf)")

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        return self.std * rng.standard_normal(shape)


@dataclass(frozen=True, repr=False)
class Uniform(Initializer):
    """U(low, high)."""

    low: float = -0.05
    high: float = 0.05

    def __post_init__(self) -> None:
        number(self.low, "low", "(-inf, inf)")
        number(self.high, "high", "(-inf, inf)")
        if not self.low < self.high:
            raise ArgumentError(f"uniform: low < high, received low={self.low}, high={self.high}")

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        return rng.uniform(self.low, self.high, shape)


class VarianceScaling(Initializer):
    """Zero mean and a variance that keeps signals from growing or fading with depth."""

    @abstractmethod
    def variance(self, fan_in: int, fan_out: int) -> float: ...

    def std(self, shape: Shape) -> float:
        return math.sqrt(self.variance(*fans(shape)))


class NormalScaling(VarianceScaling):
    """N(0, variance)."""

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        return self.std(shape) * rng.standard_normal(shape)


class UniformScaling(VarianceScaling):
    """U(-limit, limit), whose variance is limit² / 3."""

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        limit = math.sqrt(3) * self.std(shape)
        return rng.uniform(-limit, limit, shape)


class LeCun(VarianceScaling):
    """variance = 1 / fan_in. LeCun, Bottou, Orr & Müller, Efficient BackProp (1998), 4.6."""

    def variance(self, fan_in: int, fan_out: int) -> float:
        return 1 / fan_in


class Glorot(VarianceScaling):
    """variance = 2 / (fan_in + fan_out). Glorot & Bengio, Understanding the difficulty of
    training deep feedforward neural networks (2010), eq. 12; also called Xavier."""

    def variance(self, fan_in: int, fan_out: int) -> float:
        return 2 / (fan_in + fan_out)


class He(VarianceScaling):
    """variance = 2 / fan_in, for ReLU. He et al., Delving Deep into Rectifiers (2015), eq. 10."""

    def variance(self, fan_in: int, fan_out: int) -> float:
        return 2 / fan_in


class LeCunNormal(LeCun, NormalScaling):
    """N(0, 1 / fan_in)."""


class LeCunUniform(LeCun, UniformScaling):
    """U(-limit, limit) with limit = sqrt(3 / fan_in)."""


class GlorotNormal(Glorot, NormalScaling):
    """N(0, 2 / (fan_in + fan_out))."""


class GlorotUniform(Glorot, UniformScaling):
    """U(-limit, limit) with limit = sqrt(6 / (fan_in + fan_out))."""


class HeNormal(He, NormalScaling):
    """N(0, 2 / fan_in)."""


class HeUniform(He, UniformScaling):
    """U(-limit, limit) with limit = sqrt(6 / fan_in)."""


@dataclass(frozen=True, repr=False)
class Orthogonal(Initializer):
    """Orthonormal columns (or rows, where there are fewer rows), times `gain`.

    Saxe, McClelland & Ganguli, Exact solutions to the nonlinear dynamics of learning in deep
    linear neural networks (2014), section 3.
    """

    gain: float = 1.0

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        rows, columns = math.prod(shape[:-1]), shape[-1]
        gaussian = rng.standard_normal((max(rows, columns), min(rows, columns)))
        q, r = np.linalg.qr(gaussian)
        q *= np.sign(np.diag(r))  # else the signs of QR, not chance, would choose the basis
        return self.gain * (q if rows >= columns else q.T).reshape(shape)


INITIALIZERS: dict[str, type[Initializer]] = {
    "zeros": Zeros,
    "ones": Ones,
    "constant": Constant,
    "normal": Normal,
    "uniform": Uniform,
    "lecun": LeCunNormal,
    "lecun_normal": LeCunNormal,
    "lecun_uniform": LeCunUniform,
    "glorot": GlorotUniform,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "he": HeNormal,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "orthogonal": Orthogonal,
}


def fans(shape: Shape) -> tuple[int, int]:
    """(fan_in, fan_out) of weights of shape ``(*kernel, in, out)``.

    >>> fans((3, 3, 16, 32))
    (144, 288)
    """
    if len(shape) < 2:
        return math.prod(shape), math.prod(shape)
    kernel = math.prod(shape[:-2])
    return kernel * shape[-2], kernel * shape[-1]
