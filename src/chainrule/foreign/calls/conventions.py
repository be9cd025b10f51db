"""The parts of code under examination, and what their arguments say of how to call them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from chainrule.foreign.calls.calling import optional, required
from chainrule.foreign.errors import CannotCheckError, LossNeededError
from chainrule.foreign.naming.gradient_names import looks_like_a_gradient
from chainrule.foreign.naming.roles import method_among, role_of
from chainrule.foreign.objects.names import names_in
from chainrule.foreign.reading.source import compared_with_output
from chainrule.types import Array

Function = Callable[..., Any]

COMPUTES = (
    *("gradient", "gradients", "grad", "compute_gradients", "compute_gradient", "calc_gradients"),
    *("calculate_gradients", "get_gradients", "compute_grads", "gradient_weights", "param_grads"),
)
UPDATES = (
    *("update", "update_weights", "update_parameters", "update_params", "step", "apply_gradients"),
    *("update_weight", "optimize", "apply_grads", "gradient_descent", "adjust_weights", "learn"),
    *("weight_update", "update_w", "apply_gradient"),
)
BEGINS_UPDATE = re.compile(r"update|calc|compute|apply", re.IGNORECASE)
ADAPTIVE = re.compile(r"ada|rms|momentum|nesterov", re.IGNORECASE)
RATE = 0.1  # where the code asks for one
NO_GRADIENTS = {"x", "rate", "parameters", "cache", "training", "output", "count", "grads"}
MAY_BE_OUTPUT = {"y", "t"}  # as an only argument: backward(y) may be handed what belongs to y


@dataclass
class Code:
    """The parts of a program, as functions of its state.

    Args:
        state: an object, or a dictionary of parameters.
        forward, backward, loss: from a state to the function that belongs to it.
        is_dictionary: true if the state is a dictionary.
        joint: the one method that does both passes, if there is one.
        trains: true if `backward` is a training step: fit(x, y, epochs, learning_rate).
        after: methods of the object that are called after `backward`.
    """

    state: Any
    forward: Callable[[Any], Function]
    backward: Callable[[Any], Function]
    loss: Callable[[Any], Function] | None = None
    is_dictionary: bool = False
    joint: Function | None = None
    trains: bool = False
    after: tuple[str, ...] = ()


def learning_rate_of(code: Code) -> float:
    """The learning rate: `RATE` where it is an argument, else what the code keeps, or what its file
    sets, or 1."""
    functions = [code.backward(code.state), *(getattr(code.state, name) for name in code.after)]
    if any(role_of(name) == "rate" for function in functions for name in required(function)):
        return RATE
    kept = _rate_in(code.state if code.is_dictionary else vars(code.state))
    if kept is None:
        kept = _rate_of_file(functions)
    if kept is not None:
        return kept
    defaults = {name: value for function in functions for name, value in optional(function).items()}
    rates = (v for n, v in defaults.items() if role_of(n) == "rate" and v is not None)
    return float(next(rates, 1.0))


def _rate_of_file(functions: list[Function]) -> float | None:
    """The learning rate among the names of a file that its functions use: ``STEP_SIZE = 0.01``."""
    for function in functions:
        code = getattr(inspect.unwrap(function), "__code__", None)
        held = getattr(inspect.unwrap(function), "__globals__", {})
        for name in names_in(code) if code else ():
            value = held.get(name)
            if role_of(name) == "rate" and isinstance(value, (float, int)) and value:
                return float(value)
    return None


def _rate_in(kept: Mapping[str, Any]) -> float | None:
    """The learning rate among attributes; else that of an optimizer among them.

    Raises:
        CannotCheckError: the optimizer's step is no plain one.
    """
    for name, value in kept.items():
        if role_of(name) == "rate" and isinstance(value, (float, int)) and value:
            return float(value)
    for name, value in kept.items():
        attributes = getattr(value, "__dict__", None)
        if isinstance(attributes, dict) and "optim" in f"{name} {type(value).__name__}".lower():
            if ADAPTIVE.search(type(value).__name__):
                raise CannotCheckError(
                    f"its weights are updated by {type(value).__name__}, whose steps do not show "
                    "the gradients: make it with a plain optimizer, such as SGD"
                )
            return _rate_in(attributes)
    return None


def finishing_methods(code: Code) -> list[tuple[str, ...]]:
    """Methods of an object that may follow its backward pass: one that computes the gradients of
    the weights, one that updates them, or both."""
    if code.is_dictionary or code.joint is not None or code.trains:
        return []
    used = code.backward(code.state).__name__
    computing = method_among(code.state, [n for n in COMPUTES if n != used])
    updating = method_among(code.state, UPDATES)
    found = [(computing,), (updating,), (computing, updating), *_called_alike(code.state)]
    return [tuple(map(str, names)) for names in found if None not in names]


def _called_alike(thing: Any) -> list[tuple[str, ...]]:
    """Methods that compute gradients, or update by them, under a name of their author's own:
    ``update_values()``, and ``update_all(lr)`` after it."""
    names = [name for name in dir(type(thing)) if BEGINS_UPDATE.match(name)]
    methods = {n: m for n in names if inspect.ismethod(m := getattr(thing, n, None))}
    asked = {name: [role_of(each) for each in required(m)] for name, m in methods.items()}
    computing = [name for name, roles in asked.items() if not roles]
    updating = [name for name, roles in asked.items() if roles == ["rate"]]
    return [
        *((name,) for name in [*computing, *updating]),
        *((first, second) for first in computing for second in updating),
    ]


def other_update(code: Code) -> str | None:
    """A method that takes a learning rate, beside the backward pass, under a name that is not an
    update's: ``fit(lr)`` of a layer. What it does with what was handed in is not known."""
    if code.is_dictionary or code.joint is not None or code.trains:
        return None
    kind = type(code.state)
    methods = {n: getattr(kind, n) for n in dir(kind) if not n.startswith("_")}
    used = {code.backward(code.state).__name__, code.forward(code.state).__name__, *UPDATES}
    return next(
        (
            name
            for name, method in methods.items()
            if inspect.isfunction(method) and name not in used
            if any(role_of(argument) == "rate" for argument in required(method))
        ),
        None,
    )


def takes_targets(function: Function) -> bool:
    """True if a function asks for the targets."""
    return any(role_of(name) == "y" for name in required(function))


def asks_for_gradient(code: Code) -> bool:
    """True if the backward pass has an argument that may be a gradient."""
    backward = code.backward(code.state)
    is_open = any(role_of(name) is None for name in required(backward))
    return is_open or is_handed_gradient_alone(backward)


def takes_no_gradient(function: Function) -> bool:
    """True if nothing that a backward pass is handed can be the gradient of the output, as in
    ``backward(cache)``."""
    asked = [role_of(name) for name in required(function)]
    return "cache" in asked and all(role in NO_GRADIENTS - {"x", "output"} for role in asked)


def is_handed_gradient_alone(function: Function) -> bool:
    """True if the only argument of a function is called gradients: those of a layer's output."""
    return [role_of(name) for name in required(function)] == ["grads"]


def starts_from_targets(code: Code, y: Array | None, name: str) -> bool:
    """True if the backward pass is given the targets in place of a gradient, or has them already.

    Args:
        y: the targets, if there are any.
        name: what the code is called.
    Raises:
        LossNeededError: it asks for targets, by their name or by what it does with them, and there
            are none.
    """
    if code.trains:
        return True
    if code.joint is not None:
        return False
    needed = required(code.backward(code.state))
    open_arguments = [n for n in needed if role_of(n) not in NO_GRADIENTS]
    is_handed_gradient = any(looks_like_a_gradient(n) for n in open_arguments if not role_of(n))
    if y is None and is_handed_gradient:
        return False
    if any(role_of(argument) == "y" for argument in open_arguments):
        clear = any(role_of(n) == "y" and n.lower() not in MAY_BE_OUTPUT for n in open_arguments)
        if y is None and (clear or len(open_arguments) + len(needed) > 2):
            raise LossNeededError(f"{name} needs targets")
        return y is not None
    if any(looks_like_a_gradient(argument) for argument in open_arguments):
        return False
    if y is None and set(compared_with_output(code.backward(code.state))) & set(open_arguments):
        raise LossNeededError(f"{name} needs targets")
    if y is None or code.loss is None:
        return False
    return bool(open_arguments) or not needed
