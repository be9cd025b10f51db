"""Recurrent cells, and recurrent networks over a sequence, whose passes are functions, or methods:
they are handed a state beside the input, and several gradients may come back to them."""

from __future__ import annotations

import copy
import inspect
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.foreign.calls.calling import in_the_place_of, required
from chainrule.foreign.calls.conventions import Code, Function
from chainrule.foreign.naming.gradient_names import looks_like_a_gradient
from chainrule.foreign.naming.parameter_names import is_weight
from chainrule.foreign.naming.roles import role_of
from chainrule.foreign.reading.source import returned_names
from chainrule.types import Array

INPUT = re.compile(r"x|x_?t|inputs?")
STATE = re.compile(
    r"(prev_?)?([ahcs]|hidden|cell)(_?(state|prev|init|t|0))*|init(ial)?_?(state|hidden|[ahcs])"
)
SAYS_STATE = re.compile(r"prev|init|0|hidden|state|^h")
OWNER = "the cell"  # in the state: the object whose methods the passes are


@dataclass(frozen=True)
class Cell:
    """A forward and a backward function, or method, of this kind.

    Args:
        x: what the argument of the forward function for the input is called.
        states: what those for the state before are called.
        outputs: for each gradient that the backward function asks for, its argument with the place
            of what it belongs to among what the forward function returns.
        cache: the other argument of the backward function, if it has one; what goes there is
            returned last.
    """

    forward: Function
    backward: Function
    x: str
    states: tuple[str, ...]
    outputs: tuple[tuple[str, int], ...]
    cache: str | None

    @property
    def name(self) -> str:
        """That of the backward function; of methods that of their class."""
        owner = getattr(self.forward, "__self__", None)
        return self.backward.__name__ if owner is None else type(owner).__name__

    @property
    def parameters(self) -> list[str]:
        """The arguments that are parameters, or hold them."""
        return [n for n in required(self.forward) if n not in (self.x, *self.states)]

    def code(self, given: Mapping[str, Any], fixed: Collection[str] = ()) -> Code:
        """Its parts, over parameters and states.

        Args:
            given: all arguments of the forward function but the input, by name.
            fixed: those that are no part of what can be moved.
        """
        groups = {name: list(value) for name, value in given.items() if isinstance(value, Mapping)}
        state = {n: value for n, value in given.items() if n not in groups and n not in fixed}
        kept = {name: given[name] for name in fixed}
        for name in groups:
            state.update(given[name])
        if (owner := getattr(self.forward, "__self__", None)) is not None:
            state[OWNER] = owner
        return Code(
            state,
            lambda state: self._forward(state, groups, kept),
            self._backward,
            is_dictionary=True,
        )

    def _forward(
        self, state: dict[str, Any], groups: Mapping[str, list[str]], kept: Mapping[str, Any]
    ) -> Function:
        def passes(x: Array) -> tuple[Array, _Kept]:
            held = {OWNER, *(name for keys in groups.values() for name in keys)}
            values = {name: value for name, value in state.items() if name not in held}
            values |= {name: {key: state[key] for key in keys} for name, keys in groups.items()}
            values |= copy.deepcopy(dict(kept))
            given = _of(state, self.forward)(**{self.x: x}, **values)
            all_given = given if isinstance(given, tuple) else (given,)
            parts = [np.asarray(all_given[place]) for _, place in self.outputs]
            flat = np.concatenate([part.ravel() for part in parts])
            return flat, _Kept(all_given[-1], [part.shape for part in parts])

        return in_the_place_of(self.forward, passes)

    def _backward(self, state: dict[str, Any]) -> Function:
        def passes(dy: Array, cache: _Kept) -> list[Any]:
            ends = np.cumsum([np.prod(shape, dtype=int) for shape in cache.shapes])[:-1]
            parts = zip(np.split(dy, ends), cache.shapes, self.outputs, strict=True)
            dys = {name: part.reshape(shape) for part, shape, (name, _) in parts}
            kept = {} if self.cache is None else {self.cache: cache.held}
            found = self._by_name(_of(state, self.backward)(**dys, **kept))
            dx = found.get(_plain(self.x))
            arrays = {**vars(state[OWNER]), **state} if OWNER in state else state
            pairs = [(v, found[_plain(n)]) for n, v in arrays.items() if _plain(n) in found]
            return [*([] if dx is None else [dx]), pairs]

        return in_the_place_of(self.backward, passes)

    def _by_name(self, given: Any) -> dict[str, Any]:
        """The gradients that were returned, by what they belong to."""
        if isinstance(given, Mapping):
            named = [(str(name), part) for name, part in given.items()]
        else:
            parts = given if isinstance(given, (tuple, list)) else [given]
            named = [
                (name or "", part)
                for name, part in zip(returned_names(self.backward), parts, strict=False)
            ]
        return {_plain(name.removeprefix("d")): part for name, part in named if name}


def _of(state: Mapping[str, Any], function: Function) -> Function:
    """A function; of a method that of the object in a state."""
    return getattr(state[OWNER], function.__name__) if OWNER in state else function


@dataclass(frozen=True)
class _Kept:
    """What goes from the forward to the backward function, and the shapes of the outputs."""

    held: Any
    shapes: list[tuple[int, ...]]


def cell_of(forward: Function, backward: Function) -> Cell | None:
    """Two functions as such a cell, if they are one."""
    dys = [name for name in required(backward) if looks_like_a_gradient(name)]
    others = [name for name in required(backward) if name not in dys]
    given = returned_names(forward)
    outputs = [(name, _place_of(name, given)) for name in dys]
    if len(dys) == 1 and outputs[0][1] is None:
        outputs = [(dys[0], 0)]
    inputs = [n for n in required(forward) if not is_weight(n) and role_of(n) != "parameters"]
    x = next((n for n in inputs if INPUT.fullmatch(n.lower())), next(iter(inputs), None))
    states = [name for name in inputs if name != x]
    named = [STATE.fullmatch(name.lower()) for name in states]
    is_cell = x is not None and all(named) and any(map(SAYS_STATE.search, map(str.lower, states)))
    has_cache = len(others) == 1 or (not others and inspect.ismethod(backward))
    if not is_cell or not has_cache or not dys or any(place is None for _, place in outputs):
        return None
    cache = next(iter(others), None)
    return Cell(forward, backward, str(x), tuple(states), tuple(_known(outputs)), cache)


def _known(outputs: Iterable[tuple[str, int | None]]) -> Iterable[tuple[str, int]]:
    return ((name, place) for name, place in outputs if place is not None)


def _place_of(gradient: str, given: list[str | None]) -> int | None:
    """The place of what a gradient belongs to, by its name: ``da_next`` goes with ``a_next``."""
    wanted = _plain(gradient.removeprefix("d"))
    return next((n for n, name in enumerate(given) if name and _plain(name) == wanted), None)


def _plain(name: str) -> str:
    """A name in one spelling, as a next state is that of the step after it."""
    return re.sub(r"next|_", "", name.lower())
