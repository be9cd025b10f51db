"""Whole networks, and layers whose passes ask for more than x and dy, as `Adopted` code.

Their arrays lie anywhere within the object, their gradients are found by name, by shape, or by what
an update did, and their passes may be a method each, several methods, or one training step.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.foreign.adopted.code import RATE, Adopted, Memory, off_zero
from chainrule.foreign.calls.calling import Roles, arguments_for, required, roles_of
from chainrule.foreign.calls.conventions import (
    Code,
    finishing_methods,
    learning_rate_of,
    takes_targets,
)
from chainrule.foreign.calls.outputs import understood
from chainrule.foreign.naming.gradient_names import may_hold_a_gradient
from chainrule.foreign.naming.parameter_names import is_untrained, is_weight
from chainrule.foreign.naming.roles import (
    BACKWARD_METHODS,
    FORWARD_METHODS,
    TRAINING_METHODS,
    method_among,
    role_of,
)
from chainrule.foreign.objects import state as states
from chainrule.foreign.objects.gradients import Matched, backward_result, match, snapshot
from chainrule.foreign.objects.state import Path
from chainrule.foreign.reading.source import options_of, returned_names
from chainrule.types import Array


class AdoptedNetwork(Adopted):
    """An object whose arrays and gradients lie anywhere within it.

    Its backward pass may begin with the targets, which then come in the place of dy.

    Args:
        code: the object.
    """

    def __init__(self, code: Any) -> None:
        self.code = code
        self.forward_name = _name(code, FORWARD_METHODS, "forward")
        backward, trains = (
            method_among(code, names) for names in (BACKWARD_METHODS, TRAINING_METHODS)
        )
        self.backward_name = str(backward or trains or _name(code, BACKWARD_METHODS, "backward"))
        self.trains = backward is None
        self.after: tuple[str, ...] = ()
        self.found: dict[str, Matched] = {}  # where the backward pass leaves each gradient
        self.paths = {
            "_".join(map(str, path)): path
            for path, array in states.arrays(code).items()
            if array.ndim and _is_parameter(path)
        }
        self.values = {n: np.array(states.read(code, path)) for n, path in self.paths.items()}
        self.options = options_of(code)
        self.needs_targets = takes_targets(self._method(code, self.forward_name))
        self.roles = self._backward_roles()

    def _backward_roles(self) -> Roles:
        """What the arguments of the backward pass stand for; the targets come as dy."""
        method = self._method(self.code, self.backward_name)
        known = {"x", "dy", "rate", "epochs", "batch", "training"}
        roles = roles_of(method, known, set(self.options), ("dy",), self.options)
        if not self.needs_targets and "dy" not in {role for role, _ in roles.values()}:
            raise ArgumentError(
                f"cannot tell which argument of {type(self.code).__name__}.{self.backward_name} is "
                "the gradient of the output, or the targets: call it dy, or y"
            )
        return roles

    @property
    def rate(self) -> float:
        """The learning rate by which an update is divided."""
        methods = [self._method(self.code, name) for name in (self.backward_name, *self.after)]
        if any(role_of(argument) == "rate" for m in methods for argument in required(m)):
            return RATE
        return learning_rate_of(self._as_code(self.after))

    def forward(self, x: Array) -> tuple[Array, Memory]:
        self._put_values()
        targets = self.no_targets(x) if self.needs_targets else None
        return self._run_forward(x, targets), Memory(x, _kept(self.code))

    def _put_values(self) -> None:
        for name, path in self.paths.items():
            states.write(self.code, path, np.array(self.values[name]))

    def _clear_gradients(self) -> None:
        """Code that accumulates must start from zero."""
        for path, array in states.arrays(self.code).items():
            if array.ndim and _is_gradient(path):
                states.write(self.code, path, np.zeros_like(array))

    def given_to(
        self, name: str, given: dict[str, Any], roles: Roles | None = None
    ) -> tuple[list[Any], dict[str, Any]]:
        """What a method is called with, where its arguments stand for what is `given`."""
        if roles is None:
            method = self._method(self.code, name)
            roles = roles_of(method, set(given), set(self.options), ("x",), self.options)
        return arguments_for(roles, given, self.options)

    def _run_forward(self, x: Array, targets: Array | None) -> Array:
        method = self._method(self.code, self.forward_name)
        given = {"x": x, "training": True, **({} if targets is None else {"y": targets})}
        values, keywords = self.given_to(self.forward_name, given)
        result = method(*values, **keywords)
        if isinstance(result, list) and len(result) == len(x):
            return np.array(result)
        if isinstance(result, tuple) and targets is not None:  # with the loss
            result = next(part for part in result if np.ndim(part))
        names = returned_names(method)
        return np.asarray(understood(result, vars(self.code), self.code, names, x, targets)[0])

    def lists_outputs(self, x: Array) -> bool:
        """True if a prediction is a list, with what is computed example by example."""
        trial = copy.deepcopy(self)
        if not self.trains:
            return False
        values, keywords = trial.given_to(self.forward_name, {"x": x, "training": True})
        return isinstance(trial._method(trial.code, self.forward_name)(*values, **keywords), list)

    def no_targets(self, x: Array) -> Array:
        """Targets for a forward pass that asks for them before there are any: of all shapes that
        they may have, those of the last weights' outputs."""
        widths = [array.shape[-1] for array in self.values.values() if array.ndim]
        return np.zeros((len(x), widths[-1] if widths else x.shape[-1]))

    def backward(self, dy: Array, memory: Memory) -> tuple[Array | None, dict[str, Array]]:
        _put_back(memory.kept)
        self._put_values()
        self._clear_gradients()
        if self.needs_targets:
            self._run_forward(memory.x, dy)
        dx, matched = self._answer(dy, memory.x)
        gradients = {}
        for name, path in self.paths.items():
            found = matched.get(name)
            learnt = self.found.get(name)
            if learnt is not None and learnt.updated and not (found and found.updated):
                gradients[name] = np.zeros(self.values[name].shape)  # the update was by zero
                continue
            if found is None or found.array is None:
                raise ArgumentError(
                    f"{type(self.code).__name__}.{self.backward_name} leaves no gradient for "
                    f"{'.'.join(map(str, path))!r}: name what is trained, parameters=[…], and "
                    "where its gradient is, gradients={…}"
                )
            gradients[name] = found.array
        _put_back(memory.kept)
        return dx, gradients

    def _answer(self, dy: Array, x: Array) -> tuple[Array | None, dict[str, Matched]]:
        before = snapshot(self.code)
        given = {"x": x, "dy": dy, "rate": RATE, "epochs": 1, "batch": len(x), "training": True}
        method = self._method(self.code, self.backward_name)
        values, keywords = self.given_to(self.backward_name, given, self.roles)
        with redirect_stdout(StringIO()):  # how far its training is
            result = method(*values, **keywords)
        for name in self.after:
            values, keywords = self.given_to(name, {n: v for n, v in given.items() if n != "dy"})
            self._method(self.code, name)(*values, **keywords)
        found = backward_result(result, {}, returned_names(method), before, self.code)
        at = {**self.values, "x": x}
        matched = match(found, self.paths, at, self.rate, self.hands_back)
        dx = matched.pop("x", None)
        self.found = self.found or matched  # where they were when each was seen to change
        return (None if dx is None else dx.array), matched

    @property
    def hands_back(self) -> bool:
        """True if what the backward pass returns may be the gradient of the input."""
        return not self.needs_targets and not self.trains

    def learn(self, x: Array) -> None:
        """Try both passes of a copy once, to see which methods must follow the backward pass.

        Raises:
            ArgumentError: a parameter has no gradient.
        """
        failure: Exception | None = None
        for after in ((), *finishing_methods(self._as_code(()))):
            trial = copy.deepcopy(self)
            trial.after, trial.found, trial.values = after, {}, off_zero(self.values)
            y, memory = trial.forward(x)
            try:
                trial.backward(trial.no_targets(x) if self.needs_targets else y + 0.5, memory)
            except (ArgumentError, AttributeError) as error:  # what is to be made before is not
                failure = failure or error
                continue
            self.after, self.found = after, trial.found
            return
        if failure is not None:
            raise failure

    def _as_code(self, after: tuple[str, ...]) -> Code:
        return Code(
            self.code,
            lambda state: self._method(state, self.forward_name),
            lambda state: self._method(state, self.backward_name),
            trains=self.trains,
            after=after,
        )

    @staticmethod
    def _method(state: Any, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] = getattr(state, name)
        return method

    @property
    def updates(self) -> bool:
        return False

    @property
    def starts_from_targets(self) -> bool:
        return self.needs_targets or self.trains or super().starts_from_targets


def is_network(code: Any) -> bool:
    """True if an object is more than a layer with its arrays in its own attributes, x for its
    forward and dy for its backward pass."""
    forward, backward = (method_among(code, n) for n in (FORWARD_METHODS, BACKWARD_METHODS))
    if forward is None:
        return False
    if backward is None:
        return method_among(code, TRAINING_METHODS) is not None
    asked = required(getattr(code, forward))
    deeper = any(len(path) > 1 and _is_parameter(path) for path in states.arrays(code))
    by_words = bool(options_of(code))
    handed = required(getattr(code, backward))
    return (
        deeper
        or by_words
        or takes_targets(getattr(code, forward))
        or len(asked) > 1
        or (not handed)
    )


def _name(code: Any, names: tuple[str, ...], which: str) -> str:
    name = method_among(code, names)
    if name is None:
        raise ArgumentError(f"{type(code).__name__} has no {which} method")
    return name


def _is_parameter(path: Path) -> bool:
    """True if an array is a parameter by its name, and neither a gradient nor a running mean."""
    name = states.path_end(path)
    return is_weight(name) and not _says_gradient(path) and not is_untrained(name)


def _is_gradient(path: Path) -> bool:
    return is_weight(states.path_end(path)) and _says_gradient(path)


def _says_gradient(path: Path) -> bool:
    return any(isinstance(key, str) and may_hold_a_gradient(key) for key in path)


# --- what objects remember ------------------------------------------------------------------

Kept = list[tuple[dict[str, Any], dict[str, Any]]]
"""The attributes of every object within, and what they held."""


def _kept(part: Any) -> Kept:
    """What an object and those within it hold now."""
    kept: Kept = []
    seen: set[int] = set()

    def visit(inner: Any) -> None:
        if isinstance(inner, (np.ndarray, *states.OPAQUE)) or id(inner) in seen:
            return
        seen.add(id(inner))
        attributes = getattr(inner, "__dict__", None)
        if isinstance(attributes, dict):
            held = {
                n: copy.copy(v) if isinstance(v, (list, dict)) else v for n, v in attributes.items()
            }
            kept.append((attributes, held))
        for _, each in states.items(inner):
            visit(each)

    visit(part)
    return kept


def _put_back(kept: Kept) -> None:
    for attributes, held in kept:
        attributes.clear()
        attributes.update(held)
