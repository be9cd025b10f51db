"""Finds the gradients that a backward pass leaves behind: in attributes, in dictionaries, in what
it returns, or in what it did to the parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.foreign.naming.gradient_names import (
    gradient_names,
    is_input_gradient,
    may_hold_a_gradient,
)
from chainrule.foreign.naming.parameter_names import stem_of
from chainrule.foreign.objects.state import Path, Values, arrays, path_end, read
from chainrule.types import Array


@dataclass(frozen=True)
class Candidate:
    """An array that may be a gradient.

    Args:
        name: what the code calls it; "" where it has no name.
        array: its values.
        path: where it lies; those that were returned have none.
        changed: true if the backward pass made or changed it.
        of: where the parameter lies that it was returned with: ``return dx, [(self.W, dW)]``.
    """

    name: str
    array: Array
    path: Path | None = None
    changed: bool = True
    of: Path | None = None


@dataclass
class Found:
    """All that a backward pass left.

    Args:
        returned, kept: arrays that it returned, and those that lie in the state after it.
        before: the state's arrays before it, as `snapshot` gives them.
        state: the object or dictionary.
    """

    returned: list[Candidate] = field(default_factory=list)
    kept: list[Candidate] = field(default_factory=list)
    before: dict[Path, tuple[int, Array]] = field(default_factory=dict)
    state: Any = None


@dataclass(frozen=True)
class Matched:
    """A gradient and what the code calls it.

    Args:
        updated: true if it is what an update did to the parameter.
        path: where it lies, if it is kept in the state.
    """

    array: Array | None
    name: str
    updated: bool = False
    path: Path | None = None


def snapshot(state: Any) -> dict[Path, tuple[int, Array]]:
    """Every array before the backward pass: which object it was, and its values."""
    return {path: (id(array), np.array(array)) for path, array in arrays(state).items()}


def backward_result(
    given: Any,
    grads: Mapping[str, Any],
    names: Sequence[str | None],
    before: dict[Path, tuple[int, Array]],
    state: Any,
) -> Found:
    """Gather what was returned and what was kept."""
    found = Found(before=before, state=state)
    places = {id(array): path for path, array in arrays(state).items()}
    found.returned = [*_returned(given, names, places), *_returned(grads, [], places)]
    for path, array in arrays(state).items():
        name = ".".join(map(str, path[-2:] if isinstance(path[-1], int) else path[-1:]))
        earlier = before.get(path)
        changed = earlier is None or not _same(earlier[1], array) or earlier[0] != id(array)
        found.kept.append(Candidate(name, array, path, changed))
    return found


def _same(one: Array, other: Array) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def _returned(
    given: Any, names: Sequence[str | None], places: Mapping[int, Path]
) -> list[Candidate]:
    """The arrays in a returned dictionary, tuple or array, with their names where known.

    Args:
        places: where the arrays of the state lie, by their identity.
    """
    if isinstance(given, Mapping):
        return [each for key, part in given.items() for each in _inner(str(key), part, places)]
    if isinstance(given, (tuple, list)):
        named = names if len(names) == len(given) else [None] * len(given)
        return [
            each
            for name, part in zip(named, given, strict=True)
            for each in _inner(name or "", part, places)
        ]
    name = names[0] if len(names) == 1 else None
    return _inner(name or "", given, places)


def _inner(name: str, part: Any, places: Mapping[int, Path]) -> list[Candidate]:
    """The arrays in a part of what was returned."""
    if isinstance(part, Mapping):
        return _returned(part, [], places)
    if _is_pair(part, places):
        parameter, gradient = part
        return [Candidate("", np.asarray(gradient, np.float64), of=places[id(parameter)])]
    if isinstance(part, (list, tuple)):
        parts = ((name and f"{name}.{i}", inner) for i, inner in enumerate(part))
        return [each for named, inner in parts for each in _inner(named, inner, places)]
    if isinstance(part, np.ndarray) and part.dtype.kind in "fiub":
        return [Candidate(name, np.asarray(part, np.float64))]
    if isinstance(part, (float, np.floating, int, np.integer)) and not isinstance(part, bool):
        return [Candidate(name, np.asarray(part, np.float64))]
    return []


def _is_pair(part: Any, places: Mapping[int, Path]) -> bool:
    """True for a parameter of the state with its gradient."""
    is_two = isinstance(part, (list, tuple)) and len(part) == 2
    return is_two and id(part[0]) in places and isinstance(part[1], np.ndarray)


def match(
    found: Found,
    paths: Mapping[str, Path],
    values: Values,
    rate: float,
    hands_back: bool,
) -> dict[str, Matched]:
    """The gradient of each value; `Matched.array` is None where there is none.

    Args:
        found: what the backward pass left.
        paths: where each parameter lies.
        values: the input, if it can be moved, and the parameters.
        rate: the learning rate, by which an update is divided.
        hands_back: true if what is returned is the gradient of the input.
    """
    matched: dict[str, Matched] = {}
    used: set[int] = set()
    if "x" in values:
        dx = _input_gradient(found, np.shape(values["x"]), hands_back, paths)
        if dx is not None:
            matched["x"] = Matched(dx.array, "dx")
            used.add(id(dx.array))
    open_names = []
    for name, path in paths.items():
        if name not in values:
            continue
        each = _update(found, path, rate) or _with(found, path) or _by_name(found, path, used)
        if each is None:
            open_names.append(name)
        else:
            matched[name] = each
            used.add(id(each.array))
    for name in open_names:
        matched[name] = _by_shape(found, paths[name], values[name], used, paths)
    prefixes = {name: _prefix(path) for name, path in paths.items()}
    return {
        name: Matched(
            each.array,
            _full_name(prefixes.get(name, ""), each.name, prefixes),
            each.updated,
            each.path,
        )
        for name, each in matched.items()
    }


def _full_name(prefix: str, name: str, prefixes: Mapping[str, str]) -> str:
    """A gradient's name, with its layer's place before it where there are several layers."""
    several = len(set(prefixes.values())) > 1
    return f"{prefix}.{name}" if several and prefix else name


def _prefix(path: Path) -> str:
    """The place of a layer in a network: ``layers.0``."""
    last = max((i for i, key in enumerate(path[:-1]) if isinstance(key, int)), default=-1)
    if last < 0 or last == len(path) - 1:
        return ""
    return ".".join(map(str, path[: last + 1]))


def _update(found: Found, path: Path, rate: float) -> Matched | None:
    """(before - after) / rate, where the backward pass moved the parameter itself."""
    if path not in found.before:
        return None
    before, after = found.before[path][1], read(found.state, path)
    if after is None or not rate or _same(before, np.asarray(after, np.float64)):
        return None
    with np.errstate(all="ignore"):
        return Matched((before - np.asarray(after, np.float64)) / rate, f"d{path_end(path)}", True)


def _with(found: Found, path: Path) -> Matched | None:
    """A gradient that was returned together with the parameter at `path`."""
    name = f"d{path_end(path)}"
    return next((Matched(c.array, name) for c in found.returned if c.of == path), None)


def _by_name(found: Found, path: Path, used: set[int]) -> Matched | None:
    """A gradient whose name says that it belongs to the parameter at `path`."""
    wanted = stem_of(path_end(path))
    near = [
        c
        for c in found.kept
        if c.path is not None and c.path != path and _is_beside(found, c.path, path)
    ]
    named = [
        c
        for c in (*found.returned, *near)
        if id(c.array) not in used
        and c.name
        and stem_of(c.name) == wanted
        and (c.path is None or _says_gradient(c.path))
        and not (c.path is None and is_input_gradient(c.name))
    ]
    if not named:
        return None
    # not what merely lies there, and not another layer's
    first = min(named, key=lambda c: (not c.changed, -len({*path} & {*(c.path or ())})))
    return Matched(np.asarray(first.array, np.float64), first.name, path=first.path)


def _is_beside(found: Found, one: Path, other: Path) -> bool:
    """True if two paths lie in the same object, or in dictionaries and lists of it."""
    owner = other[:-1]
    while owner and isinstance(read(found.state, owner), Mapping):
        owner = owner[:-1]
    if isinstance(other[-1], int):
        owner = other[:-2]
    return one[: len(owner)] == owner and len(one) <= len(owner) + 2


def _says_gradient(path: Path) -> bool:
    """True if an array's name, or that of what holds it, says that it is a gradient."""
    return any(isinstance(key, str) and may_hold_a_gradient(key) for key in path[-2:])


def _by_shape(
    found: Found, path: Path, value: Array, used: set[int], paths: Mapping[str, Path]
) -> Matched:
    """An array without a telling name that can only be this parameter's gradient."""
    parameters = set(paths.values())
    fitting = [
        c
        for c in (*found.returned, *found.kept)
        if c.changed
        and id(c.array) not in used
        and c.path not in parameters
        and (c.path is None or (_is_beside(found, c.path, path) and _says_gradient(c.path)))
        and not is_input_gradient(c.name)
        and c.of is None
        and ((c.path is None and not c.name) or _unclaimed(c, paths))
        and not _belongs_to_another(found, c)
        and sorted(_sizes(c.array)) == sorted(_sizes(value))
    ]
    if len(fitting) == 1:
        used.add(id(fitting[0].array))
        found_array = np.asarray(fitting[0].array, np.float64)
        return Matched(found_array, fitting[0].name, path=fitting[0].path)
    return Matched(None, _usual_name(found, path))


def _unclaimed(candidate: Candidate, paths: Mapping[str, Path]) -> bool:
    """True if no parameter's name fits the candidate's."""
    return stem_of(candidate.name) not in {stem_of(path_end(path)) for path in paths.values()}


def _belongs_to_another(found: Found, candidate: Candidate) -> bool:
    """True if a kept array is the gradient of something else that is kept beside it: ``self.dH`` of
    ``self.H``."""
    path = candidate.path
    if path is None or not isinstance(path[-1], str):
        return False
    return any(
        other.path is not None
        and other.path[:-1] == path[:-1]
        and candidate.name in gradient_names(other.name)
        for other in found.kept
    )


def _usual_name(found: Found, path: Path) -> str:
    """What the missing gradient would be called, judging by the others."""
    usual = gradient_names(path_end(path))
    for candidate in (*found.returned, *found.kept):
        for other in found.before:
            names = gradient_names(path_end(other))
            if other not in (path, candidate.path) and candidate.name in names:
                return usual[names.index(candidate.name)]
    return f"d{path_end(path)}"


def _sizes(array: Array) -> list[int]:
    return [n for n in np.shape(array) if n > 1]


def _input_gradient(
    found: Found, shape: tuple[int, ...], hands_back: bool, paths: Mapping[str, Path]
) -> Candidate | None:
    """What is called so; else what is handed back and no parameter claims."""
    named = [c for c in found.returned if is_input_gradient(c.name)]
    if named:
        return named[0]
    if not hands_back:
        return None
    if not found.returned:  # kept, as self.dinputs
        kept = [c for c in found.kept if len(c.path or ()) == 1 and is_input_gradient(c.name)]
        return next((c for c in kept if c.changed and np.shape(c.array) == shape), None)
    alone = [c for c in found.returned if c.of is None]
    if len(alone) == 1:
        return alone[0]
    free = [c for c in alone if not c.name or _unclaimed(c, paths)]
    fitting = [c for c in free if np.shape(c.array) == shape]
    taken = {np.shape(found.before[path][1]) for path in paths.values() if path in found.before}
    others = [c for c in free if np.shape(c.array) not in taken]
    return next(iter(fitting or others), None)


def fit(gradient: Array | None, shape: tuple[int, ...]) -> Array | None:
    """The gradient in its value's shape, where they differ by axes of size 1 alone."""
    if gradient is None:
        return None
    if [n for n in np.shape(gradient) if n > 1] != [n for n in shape if n > 1]:
        return None
    return np.reshape(gradient, shape)
