"""Functions and methods that give the loss together with the gradients: ``return loss, dW``."""

from __future__ import annotations

import copy
import functools
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np

from chainrule.foreign.calls.calling import in_the_place_of, required
from chainrule.foreign.calls.conventions import Code, Function
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.naming.gradient_names import may_hold_a_gradient
from chainrule.foreign.naming.parameter_names import is_weight
from chainrule.foreign.naming.roles import FORWARD_METHODS, NAMES_LOSS, is_spelt_like, role_of
from chainrule.foreign.objects.names import Names
from chainrule.foreign.reading.source import (
    kept_names,
    methods_called,
    names_returned_within,
    returned_names,
)
from chainrule.types import Array

ONE_LETTER = {"j", "l"}  # for the loss


@dataclass(frozen=True)
class Joint:
    """A function that is handed parameters and a batch, and returns the loss and the gradients.

    Args:
        function: as it stands in its file.
        place: of the loss among what it returns.
        x, y: what its arguments for the input and the targets are called.
    """

    function: Function
    place: int
    x: str
    y: str

    @property
    def others(self) -> list[str]:
        """The other arguments that must be given: parameters, and settings."""
        return [name for name in required(self.function) if name not in (self.x, self.y)]

    def code(self, parameters: Mapping[str, Any], settings: Mapping[str, Any]) -> Code:
        """Its parts, over parameters by the names of its arguments."""

        def bound(state: Any) -> Function:
            def passes(x: Array, y: Array) -> Any:
                return self.function(**{self.x: x, self.y: y}, **state, **settings)

            return passes

        return replace(self._code(dict(parameters), bound), is_dictionary=True)

    def code_over(self, names: Names, given: Mapping[str, Any]) -> Code:
        """Its parts, over the names of its file, some of which are its parameters.

        Args:
            given: its other arguments.
        """

        def bound(state: Names) -> Function:
            def passes(x: Array, y: Array) -> Any:
                function = vars(state)[self.function.__name__]
                return function(**{self.x: x, self.y: y}, **copy.deepcopy(dict(given)))

            return passes

        return self._code(names, bound)

    def _code(self, state: Any, bound: Callable[[Any], Function]) -> Code:
        names = returned_names(self.function)
        return Code(
            state,
            lambda state: loss_of(bound(state), self.place),
            lambda state: gradients_of(bound(state), self.place, names),
            joint=self.function,
        )


def over_its_arrays(function: Function, given: Mapping[str, Any], result: Any) -> Code | None:
    """A function that is handed no batch, but arrays alone and settings, and gives the loss and the
    gradient of each array: ``loss, d_center, d_outside = f(center, index, outside)``. Its parts, if
    it is one.

    Args:
        given, result: what it was given once, and what it gave.
    """
    place = place_of_loss(function)
    if place is None or not isinstance(result, tuple):
        return None
    arrays = {n: v for n, v in given.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"}
    gradients = [np.shape(part) for number, part in enumerate(result) if number != place]
    if not arrays or gradients != [np.shape(value) for value in arrays.values()]:
        return None
    others = {name: value for name, value in given.items() if name not in arrays}
    names = [f"d{name}" for name in arrays]
    names.insert(place, "loss")

    def bound(state: Mapping[str, Any]) -> Function:
        def passes() -> Any:
            return function(**state, **copy.deepcopy(others))

        return cast("Function", in_the_place_of(function, passes))

    return Code(
        dict(arrays),
        lambda state: in_the_place_of(function, loss_of(bound(state), place)),
        lambda state: in_the_place_of(function, gradients_of(bound(state), place, list(names))),
        is_dictionary=True,
    )


def place_of_loss(function: Function) -> int | None:
    """Where the loss stands among what a function returns; None if that is not the loss together
    with gradients, returned or kept: ``self.grads["W"] = …``."""
    names = returned_names(function)
    if any(role_of(name) in ("rate", "epochs") for name in inspect.signature(function).parameters):
        return None  # it trains
    losses = [number for number, name in enumerate(names) if name and _is_loss(name)]
    if len(names) < 2 or len(losses) != 1:
        return None
    given = [*filter(None, names), *names_returned_within(function), *kept_names(function)]
    return losses[0] if any(map(may_hold_a_gradient, given)) else None


def _is_loss(name: str) -> bool:
    plain = name.lower()
    if re.search(r"losses|costs|history|list", plain):
        return False
    is_loss = plain in ONE_LETTER or bool(NAMES_LOSS.search(plain))
    return is_loss and not may_hold_a_gradient(name)


def joint_of(function: Function) -> Joint | None:
    """A function as one that gives the loss together with the gradients, if it is one."""
    place = place_of_loss(function)
    place = _place_beside_gradients(function) if place is None else place
    if place is None:
        return None
    asked = required(function)
    roles = {role: name for name in asked[::-1] for role in [role_of(name)] if role}
    x, y = roles.get("x", roles.get("output")), roles.get("y")
    if "x" in roles and "output" in roles:
        return None  # it is handed what others have computed from the parameters
    return None if x is None or y is None else Joint(function, place, x, y)


def _place_beside_gradients(function: Function) -> int | None:
    """The place of what may be the loss, though its name may be a gradient's as well, if all else
    is the gradient of a parameter, and the function is handed the network as an object:
    ``return dW1, dW2, error`` after ``net.forward(x)``."""
    names = [name or "" for name in returned_names(function)]
    others = [n for n, name in enumerate(names) if not _is_gradient_of_parameter(name)]
    called = [method for name in required(function) for method in methods_called(function, name)]
    is_handed_network = any(is_spelt_like(name, FORWARD_METHODS) for name in called)
    is_loss = len(others) == 1 < len(names) and NAMES_LOSS.search(names[others[0]].lower())
    return others[0] if is_loss and is_handed_network else None


def _is_gradient_of_parameter(name: str) -> bool:
    return is_weight(name) and may_hold_a_gradient(name)


def joint_method(thing: Any, names: Iterable[str] = ()) -> tuple[str, int] | None:
    """The method of an object, or a class, that gives the loss together with the gradients, and the
    place of the loss in what it returns.

    Args:
        names: of methods that do so where their source does not say it, the loss in front.
    """
    kind = thing if isinstance(thing, type) else type(thing)
    methods = {name: getattr(kind, name) for name in dir(kind) if not name.startswith("__")}
    asking = {n: m for n, m in methods.items() if inspect.isfunction(m) and _asks_for_a_batch(m)}
    for name, method in asking.items():
        if (place := place_of_loss(method)) is not None:
            return name, place
    for name in names:
        if name in asking and len(returned_names(asking[name])) > 1:
            return name, 0
    return None


def _asks_for_a_batch(method: Function) -> bool:
    """True if a method may be handed the input and the targets."""
    try:
        asked = inspect.signature(method).parameters
    except (TypeError, ValueError):
        return False
    return {"x", "y"} <= {role_of(name) for name in asked}


def joints_among(functions: Mapping[str, Function]) -> Iterator[Joint]:
    """Those of a file."""
    for function in functions.values():
        joint = joint_of(function)
        if joint is not None:
            yield joint


def loss_of(function: Function, place: int) -> Function:
    """A function that returns the loss alone.

    It raises `CannotCheckError` if that is no number.
    """

    @functools.wraps(function)
    def loss(*values: Any, **keywords: Any) -> Any:
        given = function(*values, **keywords)[place]
        if np.size(given) != 1:
            raise CannotCheckError(f"the loss of {function.__name__} is not a number")
        return given

    return loss


def gradients_of(function: Function, place: int, names: list[str | None] | None = None) -> Function:
    """A function that returns the gradients without the loss.

    Args:
        names: of all that it returns; looked up if left out.
    """
    known = returned_names(function) if names is None else names

    @functools.wraps(function)
    def gradients(*values: Any, **keywords: Any) -> Any:
        given = function(*values, **keywords)
        rest = [part for number, part in enumerate(given) if number != place]
        if len(rest) == 1 and isinstance(rest[0], (Mapping, list, tuple)):
            return rest[0]
        if len(known) != len(given) or not any(known):
            return rest
        named = enumerate(zip(known, given, strict=True))
        return {name or f"result {i}": part for i, (name, part) in named if i != place}

    return gradients
