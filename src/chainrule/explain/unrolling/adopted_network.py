"""An adopted network, line by line: its object and those within stand in `Held`s."""

from __future__ import annotations

import ast
from typing import Any

import numpy as np

from chainrule.explain.errors import CannotExplainError
from chainrule.explain.unrolling import arithmetic
from chainrule.explain.unrolling.following import Arguments, Following
from chainrule.explain.unrolling.held import Held
from chainrule.explain.unrolling.symbols import Symbol
from chainrule.foreign.adopted.code import RATE
from chainrule.foreign.adopted.network import AdoptedNetwork
from chainrule.foreign.objects import state as states
from chainrule.foreign.objects.state import Path


def forward(
    session: Following, adopted: AdoptedNetwork, values: dict[str, Any], x: Symbol
) -> tuple[Held, Any]:
    """The object as the forward pass leaves it, and y."""
    at = {path: values[name] for name, path in adopted.paths.items()}
    held = _held(adopted.code, (), at)
    targets = _no_targets(session, adopted, x) if adopted.needs_targets else None
    return held, _run_forward(session, adopted, held, x, targets)


def _run_forward(
    session: Following, adopted: AdoptedNetwork, held: Held, x: Symbol, targets: Any
) -> Any:
    given = {"x": x, "training": True, **({} if targets is None else {"y": targets})}
    positional, named = adopted.given_to(adopted.forward_name, given)
    method = held.attribute(adopted.forward_name).__func__
    y = session.follow(method, [held, *positional], named)
    if isinstance(y, list):  # with the one example that the loop is at
        y = session.call(np.array, Arguments([y], {}))
    if isinstance(y, tuple):
        y = next(part for part in y if isinstance(part, Symbol) and part.trials[0].ndim)
    return y


def _no_targets(session: Following, adopted: AdoptedNetwork, x: Symbol) -> Any:
    """As ``AdoptedNetwork`` has them, where there are none yet."""
    width = adopted.no_targets(x.trials[0]).shape[-1]
    shape = (arithmetic.sizes(x)[0], width)
    return session.call(np.zeros, Arguments([shape], {}))


def backward(
    session: Following, adopted: AdoptedNetwork, given: dict[str, Any], held: Held
) -> tuple[Any, dict[str, Any]]:
    """dx, and the gradients by name."""
    given = {**given, "rate": RATE, "training": True, "epochs": 1, "batch": 1}
    before = {name: _read(held, path) for name, path in adopted.paths.items()}
    for name, path in adopted.paths.items():
        if adopted.found[name].updated:  # the update is made on a copy
            copied = session.call_method(before[name], "copy", Arguments([], {}))
            _write(held, path, session.assign(name, copied))
    if adopted.needs_targets:
        _run_forward(session, adopted, held, given["x"], given["dy"])
    positional, named = adopted.given_to(adopted.backward_name, given, adopted.roles)
    dx = session.follow(held.attribute(adopted.backward_name).__func__, [held, *positional], named)
    for method in adopted.after:
        rest = {role: value for role, value in given.items() if role != "dy"}
        positional, named = adopted.given_to(method, rest)
        session.follow(held.attribute(method).__func__, [held, *positional], named)
    gradients = {name: _gradient(adopted, held, name, before[name]) for name in adopted.paths}
    return (dx if isinstance(dx, Symbol) and adopted.hands_back else None), gradients


def _gradient(adopted: AdoptedNetwork, held: Held, name: str, before: Any) -> Any:
    found = adopted.found[name]
    if found.updated:
        moved = arithmetic.binary(ast.Sub(), before, _read(held, adopted.paths[name]))
        return arithmetic.binary(ast.Div(), moved, adopted.rate)
    if found.path is None:
        raise CannotExplainError(f"its backward pass returns the gradient of {name!r}")
    return _read(held, found.path)


# --- objects within objects -----------------------------------------------------------------


def _held(part: Any, path: Path, at: dict[Path, Any]) -> Any:
    """A copy of an object and of the objects it holds, with stand-ins for parameters."""
    if path in at:
        return at[path]
    if isinstance(part, list):
        return [_held(inner, (*path, n), at) for n, inner in enumerate(part)]
    if isinstance(part, dict):
        return {key: _held(inner, (*path, key), at) for key, inner in part.items()}
    attributes = getattr(part, "__dict__", None)
    if isinstance(part, states.OPAQUE) or not isinstance(attributes, dict):
        return part
    return Held(part, {n: _held(inner, (*path, n), at) for n, inner in attributes.items()})


def _read(held: Any, path: Path) -> Any:
    for key in path:
        held = held.attributes[key] if isinstance(held, Held) else held[key]
    return held


def _write(held: Any, path: Path, value: Any) -> None:
    holder = _read(held, path[:-1])
    if isinstance(holder, Held):
        holder.attributes[path[-1]] = value
    else:
        holder[path[-1]] = value
