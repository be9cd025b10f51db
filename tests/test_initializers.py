"""Where weights start: the promised statistics, and the same draw for the same name."""

from __future__ import annotations

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError
from chainrule.initializers import (
    INITIALIZERS,
    Constant,
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    Initializer,
    LeCunNormal,
    LeCunUniform,
    Normal,
    Ones,
    Orthogonal,
    Uniform,
    Zeros,
    fans,
)

DENSE, KERNEL = (300, 200), (5, 5, 40, 60)


def drawn(initializer: Initializer, shape: tuple[int, ...] = DENSE) -> np.ndarray:
    return initializer(shape, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("initializer", "value"), [(Zeros(), 0), (Ones(), 1), (Constant(2.5), 2.5)], ids=repr
)
def test_constants(initializer: Initializer, value: float) -> None:
    assert (drawn(initializer) == value).all()


@pytest.mark.parametrize("shape", [DENSE, KERNEL])
@pytest.mark.parametrize(
    ("initializer", "variance"),
    [
        (Normal(0.3), lambda fan_in, fan_out: 0.09),
        (Uniform(-0.6, 0.6), lambda fan_in, fan_out: 1.2**2 / 12),
        (LeCunNormal(), lambda fan_in, fan_out: 1 / fan_in),
        (LeCunUniform(), lambda fan_in, fan_out: 1 / fan_in),
        (GlorotNormal(), lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        (GlorotUniform(), lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
        (HeNormal(), lambda fan_in, fan_out: 2 / fan_in),
        (HeUniform(), lambda fan_in, fan_out: 2 / fan_in),
    ],
)
def test_mean_and_variance(initializer: Initializer, variance, shape) -> None:
    values = drawn(initializer, shape)
    expected = variance(*fans(shape))
    assert values.mean() == pytest.approx(0, abs=0.02 * math.sqrt(expected))
    assert values.var() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize(
    ("initializer", "limit"),
    [
        (LeCunUniform(), math.sqrt(3 / 300)),
        (GlorotUniform(), math.sqrt(6 / 500)),
        (HeUniform(), math.sqrt(6 / 300)),
        (Uniform(-0.1, 0.1), 0.1),
    ],
    ids=repr,
)
def test_uniform_draws_fill_their_range(initializer: Initializer, limit: float) -> None:
    values = np.abs(drawn(initializer))
    assert 0.99 * limit < values.max() <= limit


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (3, 3, 2, 8), (5, 5)])
def test_orthogonal_columns_or_rows(shape) -> None:
    q = drawn(Orthogonal(gain=2), shape).reshape(-1, shape[-1])
    gram = q.T @ q if q.shape[0] >= q.shape[1] else q @ q.T
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_orthogonal_draws_favour_no_direction() -> None:
    draws = [Orthogonal()((3, 3), np.random.default_rng(seed)) for seed in range(500)]
    np.testing.assert_allclose(np.mean(draws, axis=0), 0, atol=0.1)


@pytest.mark.parametrize(
    ("shape", "fan"), [((784, 10), (784, 10)), ((3, 3, 16, 32), (144, 288)), ((7,), (7, 7))]
)
def test_fans(shape, fan) -> None:
    assert fans(shape) == fan


@pytest.mark.parametrize("name", INITIALIZERS)
def test_every_name_makes_weights(name: str) -> None:
    text = "constant(0.5)" if name == "constant" else name
    network = cr.Network([cr.Dense(4, initializer=text)], 3)
    assert np.isfinite(network.parameters["0.W"]).all()


def test_a_weight_starts_the_same_whatever_stands_around_it() -> None:
    """The draw depends on the seed and the name alone."""
    short = cr.Network([cr.Dense(4), cr.Dense(2)], 3, seed=5)
    long = cr.Network([cr.Dense(4, initializer="zeros"), cr.Dense(2), cr.Dense(2)], 3, seed=5)
    np.testing.assert_array_equal(short.parameters["1.W"], long.parameters["1.W"])


def test_weights_of_equal_shape_start_unequal_and_seeds_differ() -> None:
    network = cr.Network([cr.Dense(3), cr.Dense(3)], 3, seed=5)
    other = cr.Network([cr.Dense(3), cr.Dense(3)], 3, seed=6)
    assert (network.parameters["0.W"] != network.parameters["1.W"]).all()
    assert (network.parameters["0.W"] != other.parameters["0.W"]).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Normal(0), r"std is a number in \(0, inf\); received 0"),
        (lambda: Uniform(1, 1), "low < high, received low=1, high=1"),
    ],
)
def test_options_that_cannot_be(make, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()
