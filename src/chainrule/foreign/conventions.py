"""The parts of code under examination, and what their arguments say of how to call them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule.foreign.calling import optional, required
from chainrule.foreign.errors import LossNeededError
from chainrule.foreign.gradient_names import looks_like_a_gradient
from chainrule.foreign.roles import role_of
from chainrule.types import Array

Function = Callable[..., Any]

RATE = 0.1  # where the code asks for one
NO_GRADIENTS = {"x", "rate", "parameters", "cache", "training", "output", "count", "grads"}


@dataclass
class Code:
    """The parts of a program, as functions of its state.

    Args:
        state: an object, or a dictionary of parameters.
        forward, backward, loss: from a state to the function that belongs to it.
        is_dictionary: true if the state is a dictionary.
        joint: the one method that does both passes, if there is one.
        trains: true if `backward` is a training step: fit(x, y, epochs, learning_rate).
    """

    state: Any
    forward: Callable[[Any], Function]
    backward: Callable[[Any], Function]
    loss: Callable[[Any], Function] | None = None
    is_dictionary: bool = False
    joint: Function | None = None
    trains: bool = False


def learning_rate_of(code: Code) -> float:
    """The learning rate: `RATE` where it is an argument, else what the code keeps, or 1."""
    function = code.backward(code.state)
    if any(role_of(name) == "rate" for name in required(function)):
        return RATE
    kept = code.state if code.is_dictionary else vars(code.state)
    for name, value in kept.items():
        if role_of(name) == "rate" and isinstance(value, (float, int)) and value:
            return float(value)
    defaults = optional(function)
    return next((float(v) for n, v in defaults.items() if role_of(n) == "rate"), 1.0)


def asks_for_gradient(code: Code) -> bool:
    """True if the backward pass has an argument that may be a gradient."""
    return any(role_of(name) is None for name in required(code.backward(code.state)))


def starts_from_targets(code: Code, y: Array | None, name: str) -> bool:
    """True if the backward pass is given the targets in place of a gradient, or has them already.

    Args:
        y: the targets, if there are any.
        name: what the code is called.
    Raises:
        LossNeededError: it asks for targets, and there are none.
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
        if y is None and len(open_arguments) + len(needed) > 2:
            raise LossNeededError(f"{name} needs targets")
        return y is not None
    if any(looks_like_a_gradient(argument) for argument in open_arguments):
        return False
    if y is None or code.loss is None:
        return False
    return bool(open_arguments) or not needed
