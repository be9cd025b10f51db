"""Points drawn from a formula: the toy sets on which a network's first steps are watched.

Every generator takes how many points and a random generator, and returns ``x`` in float32
and ``y``: class numbers ``(N,)``, or for `sine` the values ``(N, 1)`` to predict.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.configurable import find_name
from chainrule.data.dataset import Dataset
from chainrule.data.preparation import Preparation
from chainrule.errors import ArgumentError
from chainrule.seeding import generator
from chainrule.types import Array

Points = tuple[Array, Array]

DEFAULT_SAMPLES = 1000


def linear(samples: int, rng: np.random.Generator) -> Points:
    """Points above (1) or below (0) a line: ``y = [x2 > x1]``, x uniform on [0, 1]².

    >>> x, y = linear(100, np.random.default_rng(0))
    >>> bool(np.all((x[:, 1] > x[:, 0]) == y))
    True
    """
    x = rng.uniform(0, 1, (samples, 2)).astype(np.float32)
    return _points(x, x[:, 1] > x[:, 0])


def xor_line(samples: int, rng: np.random.Generator) -> Points:
    """21 points on two crossing diagonals: ``(t, t)`` is 0 and ``(t, 1 - t)`` is 1, for
    t = 0, 0.1, …, 1; where they cross, at t = 0.5, only the first. A fixed set: both
    arguments are ignored.

    >>> x, y = xor_line(0, np.random.default_rng(0))
    >>> x.shape, int(y.sum())
    ((21, 2), 10)
    """
    steps = np.arange(11)
    rising = np.stack([steps, steps], axis=1)
    falling = np.stack([steps, 10 - steps], axis=1)[steps != 5]
    return _points(np.concatenate([rising, falling]) / 10, np.repeat([0, 1], [11, 10]))


def xor(samples: int, rng: np.random.Generator) -> Points:
    """The 4 points of exclusive or: ``y = x1 XOR x2``. A fixed set: both arguments are
    ignored.

    >>> xor(0, np.random.default_rng(0))[1]
    array([0, 1, 1, 0])
    """
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    return _points(x, x[:, 0] ^ x[:, 1])


def parabola(samples: int, rng: np.random.Generator) -> Points:
    """Points under (1) or inside (0) a parabola: ``y = [x1² > x2]``, x uniform on [-2, 2]².

    >>> x, y = parabola(100, np.random.default_rng(0))
    >>> bool(np.all((x[:, 0] ** 2 > x[:, 1]) == y))
    True
    """
    x = rng.uniform(-2, 2, (samples, 2)).astype(np.float32)
    return _points(x, x[:, 0] ** 2 > x[:, 1])


def spirals(samples: int, rng: np.random.Generator) -> Points:
    """Two arms that wind round each other: ``x = r (cos a, sin a) + e`` with r uniform on
    [0.1, 1], ``a = 3 π r + π y``, e normal with standard deviation 0.02.

    >>> spirals(100, np.random.default_rng(0))[0].shape
    (100, 2)
    """
    y = _alternate(samples, 2)
    radius = rng.uniform(0.1, 1, samples)
    return _points(_around(radius, 3 * np.pi * radius + np.pi * y, 0.02, rng), y)


def moons(samples: int, rng: np.random.Generator) -> Points:
    """Two half circles that reach into each other: ``(cos a, sin a)`` is 0 and
    ``(1 - cos a, 0.5 - sin a)`` is 1, a uniform on [0, π], with normal noise of standard
    deviation 0.1.

    >>> moons(100, np.random.default_rng(0))[0].shape
    (100, 2)
    """
    y = _alternate(samples, 2)
    upper = _around(np.ones(samples), rng.uniform(0, np.pi, samples), 0.1, rng)
    return _points(np.where(y[:, None] == 0, upper, [1.0, 0.5] - upper), y)


def circles(samples: int, rng: np.random.Generator) -> Points:
    """A circle within a circle: ``x = r (cos a, sin a) + e`` with r = 1 for class 0 and 0.5
    for class 1, a uniform on [0, 2π], e normal with standard deviation 0.08.

    >>> circles(100, np.random.default_rng(0))[0].shape
    (100, 2)
    """
    y = _alternate(samples, 2)
    return _points(_around(1 - 0.5 * y, rng.uniform(0, 2 * np.pi, samples), 0.08, rng), y)


def blobs(samples: int, rng: np.random.Generator) -> Points:
    """Three round clouds: ``x = (cos a, sin a) + e`` with ``a = 2 π y / 3``, y in {0, 1, 2},
    e normal with standard deviation 0.3.

    >>> blobs(99, np.random.default_rng(0))[1].max()
    np.int64(2)
    """
    y = _alternate(samples, 3)
    return _points(_around(np.ones(samples), 2 * np.pi * y / 3, 0.3, rng), y)


def sine(samples: int, rng: np.random.Generator) -> Points:
    """A noisy curve to fit: ``y = sin x + e``, x uniform on [-π, π], e normal with standard
    deviation 0.1.

    >>> x, y = sine(100, np.random.default_rng(0))
    >>> x.shape, y.shape
    ((100, 1), (100, 1))
    """
    x = rng.uniform(-np.pi, np.pi, (samples, 1))
    y = np.sin(x) + rng.normal(0, 0.1, x.shape)
    return x.astype(np.float32), y.astype(np.float32)


SYNTHETIC: dict[str, Callable[[int, np.random.Generator], Points]] = {
    "linear": linear,
    "xor-line": xor_line,
    "xor": xor,
    "parabola": parabola,
    "spirals": spirals,
    "moons": moons,
    "circles": circles,
    "blobs": blobs,
    "sine": sine,
}


def fresh(name: str, samples: int, seed: int, epoch: int) -> Points:
    """New points of the set `name` for one epoch, the same whenever it is repeated.

    >>> first, again = fresh("linear", 5, seed=0, epoch=3), fresh("linear", 5, seed=0, epoch=3)
    >>> bool(np.all(first[0] == again[0]))
    True
    """
    name = find_name(name, SYNTHETIC, "synthetic data set")
    _check_samples(samples)
    return SYNTHETIC[name](samples, generator(seed, f"data {name}", epoch))


def load_synthetic(name: str, samples: int | None = None, seed: int = 0) -> Dataset:
    """The set `name` with `samples` training points (1,000 when None) and 1,000 test points,
    drawn apart. In the fixed sets, training and test part are both the whole set.

    >>> load_synthetic("moons", samples=200).x_train.shape
    (200, 2)
    """
    samples = DEFAULT_SAMPLES if samples is None else samples
    _check_samples(samples)
    draw = SYNTHETIC[name]
    x_train, y_train = draw(samples, generator(seed, f"data {name} train"))
    x_test, y_test = draw(DEFAULT_SAMPLES, generator(seed, f"data {name} test"))
    return Dataset(
        name=name,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        preparation=Preparation(shape=x_train.shape[1:], class_names=synthetic_class_names(name)),
        source="drawn from a formula",
    )


def synthetic_class_names(name: str) -> tuple[str, ...] | None:
    """What the classes of the set `name` are called; None for regression."""
    if name == "sine":
        return None
    return ("0", "1", "2") if name == "blobs" else ("0", "1")


def _check_samples(samples: int) -> None:
    if samples < 1:
        raise ArgumentError(f"samples={samples}: at least one point is needed")


def _points(x: Array, y: Array) -> Points:
    return x.astype(np.float32), y.astype(np.int64)


def _alternate(samples: int, classes: int) -> Array:
    """Class numbers in turn, so that the classes are of one size."""
    return np.arange(samples) % classes


def _around(radius: Array, angle: Array, noise: float, rng: np.random.Generator) -> Array:
    """Points at `radius` and `angle` from the origin, each moved by normal `noise`."""
    circle = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    return circle + rng.normal(0, noise, circle.shape)
