"""Random numbers: those that code draws, the same in every run, and those that it is run on."""

from __future__ import annotations

import copy
import ctypes
import functools
import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import numpy as np
from numpy.random import mtrand

from chainrule.seeding import generator
from chainrule.types import Array

OWN = np.random.MT19937()  # what NumPy's own functions draw from, while code runs
KEY = 624 * ctypes.sizeof(ctypes.c_uint32) + ctypes.sizeof(ctypes.c_int)  # bytes of where it is


class _Code:
    """`is_alone` while nothing has to be put back for others who draw between its runs."""

    is_alone = False


@contextmanager
def nobody_else_draws() -> Iterator[None]:
    """Within, random numbers are drawn by code under examination alone, in many runs: what others
    would draw is put back once, and not after each run, which takes longer than to run a layer.

    It can also be a decorator.
    """
    if _Code.is_alone:
        yield
        return
    with _put_back_afterwards():
        _Code.is_alone = True
        try:
            yield
        finally:
            _Code.is_alone = False


@contextmanager
def _put_back_afterwards() -> Iterator[None]:
    """Afterwards, others draw what they would have drawn."""
    source, state = mtrand.get_bit_generator(), mtrand._rand.get_state(legacy=False)
    of_python = random.getstate()
    try:
        yield
    finally:
        mtrand.set_bit_generator(source)
        mtrand._rand.set_state(state)
        random.setstate(of_python)


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
        was_alone, default_rng = _Code.is_alone, np.random.default_rng
        with nullcontext() if was_alone else _put_back_afterwards():
            _Code.is_alone = False  # a run within this one puts this one's numbers back
            try:
                self._begin(draw)
                vars(np.random)["default_rng"] = _seeded(default_rng, draw)
                yield
            finally:
                vars(np.random)["default_rng"] = default_rng
                _Code.is_alone = was_alone

    def _begin(self, draw: int) -> None:
        of_numpy, of_python = _beginning(draw)
        mtrand.set_bit_generator(OWN)
        ctypes.memmove(OWN.ctypes.state_address, of_numpy, KEY)
        random.setstate(of_python)
        for source, state in zip(self.generators, self.began_at, strict=True):
            source.bit_generator.state = copy.deepcopy(state)
            source.random(draw)


@functools.cache
def _beginning(draw: int) -> tuple[bytes, Any]:
    """Where NumPy's own numbers begin, and Python's."""
    seeded = np.random.MT19937()
    state: Any = np.random.RandomState(draw).get_state(legacy=False)
    seeded.state = state
    of_python = random.Random(draw).getstate()  # noqa: S311  as the code would seed it
    return ctypes.string_at(seeded.ctypes.state_address, KEY), of_python


def _seeded(default_rng: Any, draw: int) -> Any:
    """`default_rng` which also without a seed gives the same numbers each time."""

    def seeded(seed: Any = None) -> Any:
        return default_rng([0, draw]) if seed is None else default_rng(seed)

    return seeded


def random_like(values: Array, purpose: str, *counters: int) -> Array:
    """Normal numbers in the shape of `values`."""
    return generator(0, purpose, *counters).standard_normal(np.shape(values))


def not_constant(array: Array) -> Array:
    """Parameters that are all zeros, or all ones, would hide mistakes, and so would matrices that
    are their own transposes, as the identity is: they are moved a little."""
    is_constant = array.size and np.all(array == array.flat[0])
    is_symmetric = array.ndim == 2 and len(array) > 1 and np.array_equal(array, array.T)
    if is_constant or is_symmetric:
        return np.asarray(array + 0.2 * random_like(array, "parameter"))
    return array
