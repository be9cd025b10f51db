"""Random numbers: those that code draws, the same in every run, and those that it is run on."""

from __future__ import annotations

import copy
import functools
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.random import mtrand

from chainrule.seeding import generator
from chainrule.types import Array


class Randomness:
    """Every source of random numbers that code may draw from, put back before each run, so that
    masks are the same in all of them.

    Args:
        generators: those of the code itself; NumPy's and Python's own are put back in any case.
    """

    def __init__(self, generators: list[np.random.Generator]) -> None:
        self.generators = generators
        self.began_at = [copy.deepcopy(source.bit_generator.state) for source in self.generators]

    @contextmanager
    def frozen(self, draw: int = 0) -> Iterator[None]:
        """Within, draws begin where they began; `draw` above 0 gives other ones."""
        outside = mtrand._rand.get_state(), random.getstate(), np.random.default_rng
        try:
            mtrand._rand.set_state(_state(draw))
            random.seed(draw)
            for source, state in zip(self.generators, self.began_at, strict=True):
                source.bit_generator.state = copy.deepcopy(state)
                source.random(draw)
            vars(np.random)["default_rng"] = _seeded(outside[2], draw)
            yield
        finally:
            mtrand._rand.set_state(outside[0])
            random.setstate(outside[1])
            vars(np.random)["default_rng"] = outside[2]


@functools.cache
def _state(draw: int) -> Any:
    """Where NumPy's own numbers begin: to make a generator takes longer than to run a layer."""
    return np.random.RandomState(draw).get_state()


def _seeded(default_rng: Any, draw: int) -> Any:
    """`default_rng` which also without a seed gives the same numbers each time."""

    def seeded(seed: Any = None) -> Any:
        return default_rng([0, draw]) if seed is None else default_rng(seed)

    return seeded


def random_like(values: Array, purpose: str, *counters: int) -> Array:
    """Normal numbers in the shape of `values`."""
    return generator(0, purpose, *counters).standard_normal(np.shape(values))


def not_constant(array: Array) -> Array:
    """Parameters that are all zeros, or all ones, would hide mistakes: they are moved a little."""
    if array.size and np.all(array == array.flat[0]):
        return np.asarray(array + 0.2 * random_like(array, "parameter"))
    return array
