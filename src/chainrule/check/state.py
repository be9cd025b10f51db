"""The arrays that an object or a dictionary holds, however deep: read and written by their path."""

from __future__ import annotations

import copy
import random
import types
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.random import mtrand

from chainrule.check.naming import is_parameter
from chainrule.seeding import generator

Array = npt.NDArray[Any]
Path = tuple[Any, ...]  # names of attributes, keys and positions, from the outside in

DEPTH = 8
OPAQUE = (
    *(str, bytes, type, np.random.Generator, np.random.RandomState, types.ModuleType),
    *(types.FunctionType, types.MethodType, types.BuiltinFunctionType, np.ufunc, random.Random),
)


def arrays(state: Any) -> dict[Path, Array]:
    """Every array of floats in `state`, each once, and numbers that are parameters by name."""
    found: dict[Path, Array] = {}
    seen: set[int] = set()

    def visit(part: Any, path: Path) -> None:
        if isinstance(part, OPAQUE) or len(path) > DEPTH:
            return
        if isinstance(part, (float, np.floating)):
            if path and isinstance(path[-1], str) and is_parameter(path[-1]):
                found[path] = np.asarray(part, np.float64)
            return
        if id(part) in seen:
            return
        seen.add(id(part))
        if isinstance(part, np.ndarray):
            if part.dtype.kind == "f":
                found[path] = part
            return
        for key, inner in items(part):
            visit(inner, (*path, key))

    visit(state, ())
    return found


def items(part: Any) -> list[tuple[Any, Any]]:
    """What lies directly within an object: entries, elements, attributes."""
    if isinstance(part, Mapping):
        return list(part.items())
    if isinstance(part, (list, tuple)):
        return list(enumerate(part))
    attributes = getattr(part, "__dict__", None)
    slots = [name for name in getattr(part, "__slots__", ()) if hasattr(part, name)]
    return [
        *(attributes.items() if isinstance(attributes, dict) else ()),
        *((name, getattr(part, name)) for name in slots),
    ]


def read(state: Any, path: Path) -> Any:
    """What lies at `path`; None where nothing does."""
    for key in path:
        try:
            state = _inner(state, key)
        except (KeyError, IndexError, AttributeError, TypeError):
            return None
    return state


def write(state: Any, path: Path, values: Array) -> None:
    """Put `values` at `path`: into the array that is there, so that other names for it see them,
    or in its place where the type must change."""
    there = read(state, path)
    if isinstance(there, np.ndarray) and there.dtype == values.dtype and there.flags.writeable:
        there[...] = values
        return
    holder = read(state, path[:-1]) if len(path) > 1 else state
    fresh = values.copy() if isinstance(there, np.ndarray) else values[()]
    if isinstance(holder, (MutableMapping, list)):
        holder[path[-1]] = fresh
    else:
        setattr(holder, path[-1], fresh)


def _inner(part: Any, key: Any) -> Any:
    if isinstance(part, (Mapping, list, tuple)):
        return part[key]
    return getattr(part, key)


def duplicate(state: Any) -> Any:
    """A copy with memory of its own."""
    return copy.deepcopy(state)


def names_of(paths: list[Path]) -> dict[Path, str]:
    """A short name for each path: its end, or all of it where ends are alike."""
    short = {path: _ending(path) for path in paths}
    ends = list(short.values())
    return {
        path: end if ends.count(end) == 1 else ".".join(map(str, path))
        for path, end in short.items()
    }


def _ending(path: Path) -> str:
    """``weights.0`` for a list, the last name alone otherwise."""
    last = next((i for i in range(len(path) - 1, -1, -1) if isinstance(path[i], str)), 0)
    return ".".join(map(str, path[last:]))


class Randomness:
    """Every source of random numbers that code may draw from, put back before each run, so that
    masks are the same in all of them."""

    def __init__(self, sources: list[Any]) -> None:
        self.generators = [s for s in sources if isinstance(s, np.random.Generator)]
        self.generators_at = [
            copy.deepcopy(source.bit_generator.state) for source in self.generators
        ]

    @contextmanager
    def frozen(self, draw: int = 0) -> Iterator[None]:
        """Within, draws begin where they began; `draw` above 0 gives other ones."""
        outside = mtrand._rand.get_state(), random.getstate(), np.random.default_rng
        try:
            mtrand._rand.set_state(np.random.RandomState(draw).get_state())
            random.seed(draw)
            for source, state in zip(self.generators, self.generators_at, strict=True):
                source.bit_generator.state = copy.deepcopy(state)
                source.random(draw)
            vars(np.random)["default_rng"] = _seeded(outside[2], draw)
            yield
        finally:
            mtrand._rand.set_state(outside[0])
            random.setstate(outside[1])
            vars(np.random)["default_rng"] = outside[2]


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
