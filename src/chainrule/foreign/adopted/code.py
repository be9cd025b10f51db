"""Other people's code in one form: `forward(x)` gives y and a memory, `backward(dy, memory)` gives
dx and the gradients by name."""

from __future__ import annotations

import copy
import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.foreign.calls.calling import Roles, arguments_for, roles_of
from chainrule.foreign.naming.gradient_names import (
    gradient_names,
    is_input_gradient,
    may_hold_a_gradient,
)
from chainrule.foreign.naming.parameter_names import is_weight
from chainrule.foreign.naming.roles import BACKWARD_METHODS, FORWARD_METHODS, method_among, role_of
from chainrule.seeding import generator
from chainrule.types import Array

RATE = 1e-5  # small: code that updates first hands back a gradient taken at weights next to the old


@dataclass(frozen=True)
class Memory:
    """What the backward pass of an object needs.

    Args:
        x: the input.
        kept: the attributes of every object within, and what they held.
    """

    x: Array
    kept: list[tuple[dict[str, Any], dict[str, Any]]]


class Adopted(ABC):
    """Code of one of the styles.

    Args:
        values: its parameters, by name.
        roles: what each argument of its backward pass stands for.
    """

    values: dict[str, Array]
    roles: Roles

    def learn(self, x: Array) -> None:  # noqa: B027
        """Look at how a copy of the code runs, where its names do not tell all."""

    @abstractmethod
    def forward(self, x: Array) -> tuple[Array, Any]:
        """The output, and what the backward pass needs."""

    @abstractmethod
    def backward(self, dy: Array, memory: Any) -> tuple[Array | None, dict[str, Array]]:
        """The gradient of the input, where the code gives it, and those of the parameters."""

    @property
    def updates(self) -> bool:
        """True if the backward pass moves the parameters itself."""
        return "rate" in {role for role, _ in self.roles.values()}

    @property
    def starts_from_targets(self) -> bool:
        """True if the backward pass is given the targets in the place of dy."""
        return any(role == "dy" and role_of(name) == "y" for name, (role, _) in self.roles.items())


class AdoptedObject(Adopted):
    """An object whose attributes hold the parameters, what forward remembers, the gradients."""

    def __init__(self, code: Any, names: Any, gradients: dict[str, str]) -> None:
        self.code = code
        self.gradients = gradients
        self.forward_name = _method(code, FORWARD_METHODS)
        self.backward_name = _method(code, BACKWARD_METHODS)
        self.roles = _roles(getattr(code, self.backward_name), {"x", "dy", "rate"})
        self.named = names is not None
        arrays = _float_arrays(vars(code))
        missing = [name for name in names or [] if name not in arrays]
        if missing:
            raise ArgumentError(
                f"{type(code).__name__} has no float array {missing[0]!r}; "
                f"it has: {', '.join(arrays) or 'none'}"
            )
        are_gradients = {each for name in arrays for each in gradient_names(name)}
        self.values = {
            name: values
            for name, values in arrays.items()
            if (name in names if self.named else name not in are_gradients)
        }

    def learn(self, x: Array) -> None:
        """Tell the parameters from what earlier passes have left in the object.

        Raises:
            ArgumentError: a parameter that the backward pass does not update.
        """
        if self.named:
            return
        trial = copy.deepcopy(self)
        trial.values = off_zero(self.values)
        y, memory = trial.forward(x)
        dy = generator(0, "learn").standard_normal(y.shape)
        left = trial._unlike(memory[1])
        trial._run_backward(dy, memory, rate=0.0)  # which leaves the parameters where they are
        left |= {
            name
            for name in trial._unlike(vars(trial.code))
            if self.updates or may_hold_a_gradient(name)
        }
        self.values = {n: v for n, v in self.values.items() if n not in left or is_weight(n)}
        if self.updates:
            trial._run_backward(dy, memory, RATE)
            moved = trial._unlike(vars(trial.code))
            for name in self.values:
                if name not in moved:
                    self._refuse(name)

    def _unlike(self, attributes: Mapping[str, Any]) -> set[str]:
        """The names under which stands something else than their values."""
        return {n for n, v in self.values.items() if not np.array_equal(attributes[n], v)}

    def forward(self, x: Array) -> tuple[Array, Any]:
        vars(self.code).update(self.values)
        y = np.asarray(getattr(self.code, self.forward_name)(x))
        return y, (x, dict(vars(self.code)))

    def backward(self, dy: Array, memory: Any) -> tuple[Array | None, dict[str, Array]]:
        dx = self._run_backward(dy, memory, RATE)
        return dx, {name: self._gradient_of(name, memory[1][name]) for name in self.values}

    def _run_backward(self, dy: Array, memory: Any, rate: float) -> Array | None:
        """dx; the gradients, or what the update made of the parameters, are in the object."""
        x, remembered = memory
        attributes = vars(self.code)
        attributes.update(remembered)  # another forward pass may have come since
        attributes.update({name: remembered[name].copy() for name in self.values})
        for holder in self._holders():  # code that accumulates must start from zero
            if isinstance(attributes.get(holder), np.ndarray):
                attributes[holder] = np.zeros_like(attributes[holder])
        given = {"x": x, "dy": dy, "rate": rate}
        values, keywords = arguments_for(self.roles, given)
        dx: Array | None = getattr(self.code, self.backward_name)(*values, **keywords)
        return dx

    def _gradient_of(self, name: str, before: Array) -> Array:
        attributes = vars(self.code)
        if self.updates:
            return np.asarray((before - attributes[name]) / RATE)
        holder = next((h for h in self.holders_of(name) if h in attributes), None)
        if holder is None:
            self._refuse(name)
        return np.asarray(attributes[holder])

    def _refuse(self, name: str) -> NoReturn:
        raise ArgumentError(
            f"{type(self.code).__name__}.{self.backward_name} leaves no gradient for {name!r} "
            f"(looked for {', '.join(self.holders_of(name))}): say where it is, "
            f"gradients={{{name!r}: …}}, or name what is trained, parameters=[…]"
        )

    def _holders(self) -> list[str]:
        return [holder for name in self.values for holder in self.holders_of(name)]

    def holders_of(self, name: str) -> list[str]:
        """The attributes that may hold the gradient of `name`."""
        if name in self.gradients:
            return [self.gradients[name]]
        return gradient_names(name)


class AdoptedFunctions(Adopted):
    """A pair of functions that share a dictionary."""

    def __init__(
        self,
        code: tuple[Callable[..., Any], Callable[..., Any]],
        parameters: Any,
        gradients: dict[str, str],
    ) -> None:
        if not isinstance(parameters, Mapping):
            raise ArgumentError(
                "a pair of functions needs the dictionary they share: "
                "HandWritten((forward, backward), parameters={'W1': …})"
            )
        self.forward_function, self.backward_function = code
        self.gradients = gradients
        self.roles = _roles(self.backward_function, {"x", "dy", "rate", "parameters"})
        self.others = {k: v for k, v in parameters.items() if not isinstance(v, np.ndarray)}
        arrays = _float_arrays(parameters)
        are_gradients = {each for name in arrays for each in gradient_names(name)}
        self.values = {n: v for n, v in arrays.items() if n not in are_gradients}

    def learn(self, x: Array) -> None:
        """Tell the parameters from what earlier passes have left in the dictionary."""
        values = off_zero(self.values)
        shared = {**copy.deepcopy(self.others), **values}
        self.forward_function(x, shared)
        left = {n for n, v in off_zero(self.values).items() if not np.array_equal(shared[n], v)}
        self.values = {n: v for n, v in self.values.items() if n not in left or is_weight(n)}

    def forward(self, x: Array) -> tuple[Array, Any]:
        shared = {**self.others, **self.values}
        y = self.forward_function(x, shared)
        if y is None or isinstance(y, Mapping):  # it fills a dictionary, with the output last
            y = list((shared if y is None else y).values())[-1]
        return np.asarray(y[0] if isinstance(y, tuple) else y), (x, shared)

    def backward(self, dy: Array, memory: Any) -> tuple[Array | None, dict[str, Array]]:
        x, shared = memory
        given = {"x": x, "dy": dy, "parameters": shared, "rate": 1.0}
        values, keywords = arguments_for(self.roles, given)
        result = self.backward_function(*values, **keywords)
        parts = result if isinstance(result, tuple) else (result,)
        found = next((part for part in parts if isinstance(part, Mapping)), {})
        dx = next((part for part in parts if isinstance(part, np.ndarray)), None)
        if dx is None:
            dx = input_gradient_in(found)
        return dx, {name: self._gradient_of(name, found) for name in self.values}

    def _gradient_of(self, name: str, found: Mapping[str, Array]) -> Array:
        for key in self.keys_of(name):
            if key in found:
                return np.asarray(found[key])
        raise ArgumentError(
            f"{self.backward_function.__name__} returned no gradient for {name!r}, but "
            f"{', '.join(map(str, found)) or 'nothing'}: say which, gradients={{{name!r}: …}}"
        )

    def keys_of(self, name: str) -> list[str]:
        """The keys that may hold the gradient of `name`."""
        return [self.gradients.get(name, ""), name, *gradient_names(name)]


def _method(code: Any, names: Sequence[str]) -> str:
    name = method_among(code, names)
    if name is None:
        raise ArgumentError(
            f"{type(code).__name__} has none of the methods {', '.join(names[:5])}: "
            "HandWritten adopts an object that has a forward and a backward method"
        )
    return name


def _roles(backward: Callable[..., Any], known: set[str]) -> Roles:
    """What each argument of a backward function stands for; one must be the output's gradient."""
    roles = roles_of(backward, known, set(), ("dy",))
    if "dy" not in {role for role, _ in roles.values()}:
        raise ArgumentError(
            f"cannot tell which argument of {backward.__name__}{inspect.signature(backward)} is "
            "the gradient of the output: call it dy"
        )
    return roles


def off_zero(values: Mapping[str, Array]) -> dict[str, Array]:
    """Values near those of the parameters where no gradient is zero for lying at zero: with all
    weights zero, no layer but the last has any."""
    rng = generator(0, "off zero")
    return {n: v + 0.1 * rng.standard_normal(v.shape) for n, v in values.items()}


def input_gradient_in(found: Mapping[str, Any]) -> Any:
    """What is called as the gradient of the input, among gradients by name."""
    return next((found[name] for name in found if is_input_gradient(name)), None)


def _float_arrays(named: Mapping[str, Any]) -> dict[str, Array]:
    return {
        name: values
        for name, values in named.items()
        if isinstance(values, np.ndarray) and values.dtype.kind == "f"
    }
