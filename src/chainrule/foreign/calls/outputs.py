"""The output, and what goes with it, among the things that a forward pass returns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.naming.gradient_names import may_hold_a_gradient
from chainrule.foreign.naming.parameter_names import is_weight
from chainrule.foreign.naming.roles import roles_named
from chainrule.types import Array

Understood = tuple[Any, Any, dict[str, Any]]
"""The output, the cache, and further values by name."""

BEFORE_ACTIVATION = re.compile(r"z(\d*)", re.IGNORECASE)


def understood(
    given: Any,
    stored: Mapping[str, Any],
    state: Any,
    names: Sequence[str | None],
    x: Array,
    y: Array | None,
) -> Understood:
    """What a forward pass returned: an array, several things, a dictionary, or nothing.

    Args:
        stored: the attributes or entries that it may have filled in place of returning them.
        names: of the elements of what it returns, where its source shows them.
        x, y: the input that it was given, and the targets.
    Raises:
        CannotCheckError: there is no output.
    """
    if given is None:
        return _stored_output(stored, y), state, {}
    if isinstance(given, Mapping):
        return _stored_output(given, y), given, dict(given)
    if not isinstance(given, (tuple, list)):
        return given, given, {}
    known = names if len(names) == len(given) else [None] * len(given)
    by_name = {name: part for name, part in zip(known, given, strict=True) if name}
    if isinstance(given, list) and given and all(isinstance(part, np.ndarray) for part in given):
        return given[-1], given, by_name  # the activations of all layers
    main = _output_among(given, known, x, y)
    rest = [part for part in given if part is not main]
    for part in rest:
        by_name.update(part if isinstance(part, Mapping) else {})
    return main, rest[0] if len(rest) == 1 else tuple(rest), by_name


def _stored_output(stored: Mapping[str, Any], y: Array | None) -> Array:
    """The output among arrays that were stored: called so, or shaped like the targets, or stored
    last."""
    arrays = {
        name: value
        for name, value in stored.items()
        if isinstance(value, np.ndarray) and value.dtype.kind == "f"
    }
    if not arrays:
        kept = [part for name, part in stored.items() if _is_cache(str(name), part)]
        if kept:
            return _stored_output(kept[0], y)
        if lists := [part for name, part in stored.items() if _are_outputs(str(name), part)]:
            return np.asarray(lists[-1][-1])
        raise CannotCheckError("the forward pass returns nothing and stores nothing")
    named = [value for name, value in arrays.items() if "output" in roles_named(str(name))]
    shaped = [value for value in arrays.values() if y is not None and value.shape == y.shape]
    both = [value for value in named if any(value is other for other in shaped)]
    return (both or named or shaped or list(arrays.values()))[-1]


def _are_outputs(name: str, part: Any) -> bool:
    """True if a list holds the outputs of all layers, and is called so: ``self.activations``."""
    is_list = isinstance(part, list) and len(part) > 1
    is_named = bool({"output", "cache"} & set(roles_named(name.rstrip("s")) + roles_named(name)))
    return is_list and is_named and all(isinstance(each, np.ndarray) for each in part)


def _is_cache(name: str, part: Any) -> bool:
    """True if a part of an object is a dictionary of what its forward pass computes."""
    if not isinstance(part, Mapping) or may_hold_a_gradient(name):
        return False
    keys = [str(key) for key, value in part.items() if isinstance(value, np.ndarray)]
    return bool(keys) and not any(map(is_weight, keys))


def _output_among(
    parts: Sequence[Any], names: Sequence[str | None], x: Array, y: Array | None
) -> Any:
    """The output among several things returned: the only array beside a cache; else what is
    called so, or looks like the targets, turned round or not; else the last of them."""
    candidates = [
        (name, part)
        for name, part in zip(names, parts, strict=True)
        if isinstance(part, (float, np.floating))
        or (isinstance(part, np.ndarray) and part.dtype.kind == "f" and part is not x)
    ]
    if not candidates:
        inner = [part for part in parts if isinstance(part, (list, tuple)) and part]
        if not inner:
            raise CannotCheckError("the forward pass returns no array")
        return _output_among(inner[-1], [None] * len(inner[-1]), x, y)
    if len(candidates) < len(parts):
        return candidates[0][1]
    candidates = _activated(candidates)
    named = [part for name, part in candidates if name and "output" in roles_named(name)]
    shapes = () if y is None else (y.shape, y.shape[::-1])
    fitting = [part for _, part in candidates if np.shape(part) in shapes]
    return (named or fitting or [part for _, part in candidates])[-1]


def _activated(candidates: Sequence[tuple[str | None, Any]]) -> list[tuple[str | None, Any]]:
    """The candidates without what goes into an activation whose outcome is among them, too: of
    ``return a1, z1, a2, z2`` a1 and a2."""
    names = {(name or "").lower() for name, _ in candidates}

    def is_activated(name: str | None) -> bool:
        found = BEFORE_ACTIVATION.fullmatch(name or "")
        return found is not None and f"a{found[1]}" in names

    return [each for each in candidates if not is_activated(each[0])]
