"""The arrays that an object or a dictionary holds, however deep: read and written by their path."""

from __future__ import annotations

import copyreg
import importlib
import random
import types
from collections.abc import Mapping, MutableMapping
from typing import Any

import numpy as np

from chainrule.foreign.naming.parameter_names import is_parameter
from chainrule.types import Array

Path = tuple[Any, ...]  # names of attributes, keys and positions, from the outside in

DEPTH = 8
OPAQUE = (
    *(str, bytes, type, np.random.Generator, np.random.RandomState, types.ModuleType),
    *(types.FunctionType, types.MethodType, types.BuiltinFunctionType, np.ufunc, random.Random),
)

# An object may keep a module, ``self.np = numpy``: a copy of it has the same one.
copyreg.pickle(types.ModuleType, lambda module: (importlib.import_module, (module.__name__,)))


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
    fresh = values.copy() if isinstance(there, np.ndarray) or values.ndim else values[()]
    if isinstance(holder, (MutableMapping, list)):
        holder[path[-1]] = fresh
    else:
        setattr(holder, path[-1], fresh)


def _inner(part: Any, key: Any) -> Any:
    if isinstance(part, (Mapping, list, tuple)):
        return part[key]
    return getattr(part, key)


def names_of(paths: list[Path]) -> dict[Path, str]:
    """A short name for each path: its end, or all of it where ends are alike."""
    short = {path: path_end(path) for path in paths}
    ends = list(short.values())
    return {
        path: end if ends.count(end) == 1 else ".".join(map(str, path))
        for path, end in short.items()
    }


def path_end(path: Path) -> str:
    """The last name of a path, with the place in a list after it: ``weights.0``."""
    last = next((i for i in range(len(path) - 1, -1, -1) if isinstance(path[i], str)), 0)
    return ".".join(map(str, path[last:]))


Values = dict[str, Array]
