"""Code draws the same numbers in every run, and others go on with theirs."""

from __future__ import annotations

import random
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pytest
from numpy.random import mtrand

from chainrule.foreign.running.randomness import Randomness, nobody_else_draws

NUMPY = mtrand._rand  # `np.random.randn` and its like are its methods
Around = type[AbstractContextManager[None]]
each_way = pytest.mark.parametrize("around", [nullcontext, nobody_else_draws])


def drawn(count: int = 3) -> list[float]:
    """Of NumPy's normal numbers every second one is kept for the next draw."""
    return [*NUMPY.randn(count), random.random(), NUMPY.rand()]


def as_seeded(seed: int) -> list[float]:
    """What the same draws give after seeding."""
    numpy, python = np.random.RandomState(seed), random.Random(seed)
    return [*numpy.randn(3), python.random(), numpy.rand()]


@each_way
@pytest.mark.parametrize("draw", [0, 7])
def test_every_run_draws_the_same_numbers(around: Around, draw: int) -> None:
    with around():
        for _ in range(2):
            with Randomness([]).frozen(draw):
                assert drawn() == as_seeded(draw)
                NUMPY.seed(5)


@each_way
def test_others_draw_what_they_would_have_drawn(around: Around) -> None:
    def seed() -> None:
        NUMPY.seed(3)
        random.seed(3)

    seed()
    expected = drawn(1) + drawn(4)
    seed()
    before = drawn(1)
    with around():
        for draw in (0, 7):
            with Randomness([]).frozen(draw):
                drawn()
    assert before + drawn(4) == expected


@each_way
def test_a_run_goes_on_with_its_own_numbers_after_others_within_it(around: Around) -> None:
    with around(), Randomness([]).frozen():
        first = NUMPY.randn(1)
        with nobody_else_draws():
            for draw in (0, 7):
                with Randomness([]).frozen(draw):
                    drawn()
        assert [*first, *NUMPY.randn(3)] == [*np.random.RandomState(0).randn(4)]


def test_generators_of_the_code_begin_where_they_began() -> None:
    own = np.random.default_rng(0)
    randomness = Randomness([own])
    with randomness.frozen():
        first = own.random(3)
    with randomness.frozen():
        np.testing.assert_array_equal(own.random(3), first)
