"""Activations with their derivatives: functions, and objects that hold both."""

from __future__ import annotations

import functools
from contextlib import suppress
from typing import Any

from chainrule.doctor.numbers.finite_differences import Precision, probe
from chainrule.doctor.subjects.pairs import OTHER_POINT, ActivationPair, Point
from chainrule.foreign.calls.calling import required
from chainrule.foreign.naming.gradient_names import looks_like_a_gradient
from chainrule.foreign.naming.roles import FORWARD_METHODS, method_among, role_of
from chainrule.foreign.objects import state as states

ACTIVATION_METHODS = ("fn", "f", "function", "func", "activation", "calc", "call", "apply")
DERIVATIVE_METHODS = (
    *("gradient", "derivative", "deriv", "grad", "prime", "df", "derivate", "slope", "diff", "d"),
    *("derivative_function", "d_function", "gradient_function", "compute_derivative"),
)
OUTPUT_ARGUMENTS = ("s", "y", "sigma", "fx", "activated")  # of derivatives: sigmoid_prime(s)


def activation_pair(function: Any, derivative: Any, x: Any, of: Point | None) -> ActivationPair:
    """An activation with its derivative, `of` its input or its output.

    Where that is not said, the name of the derivative's argument decides, unless the derivative
    is right at the other point alone.
    """
    if of is not None:
        return ActivationPair(function, derivative, x, of)
    argument = next(iter(required(derivative)), "x").lower()
    is_of_output = role_of(argument) == "output" or argument in OUTPUT_ARGUMENTS
    by_name: Point = "output" if is_of_output else "input"
    pair = ActivationPair(function, derivative, x, by_name)
    truth = probe(pair.loss, pair.values, "x", Precision())
    for pair.of in (by_name, OTHER_POINT[by_name]):
        with suppress(Exception):  # a derivative that cannot take one point is of the other
            if truth.agrees(pair.gradients(pair.values).gradients["x"]):
                break
    else:
        pair.of = by_name
    pair.notes.append(f"the derivative was taken as a function of the {pair.of}")
    return pair


def activation_of(thing: Any, x: Any, name: str | None = None) -> ActivationPair | None:
    """An object whose method gives the slopes of an activation, without dy.

    Args:
        name: the method; looked for if left out.
    """
    name = name or method_among(thing, DERIVATIVE_METHODS)
    forward = method_among(thing, (*FORWARD_METHODS, *ACTIVATION_METHODS))
    if name is None or forward is None or states.arrays(thing):
        return None
    function, derivative = getattr(thing, forward), getattr(thing, name)
    if len(required(function)) != 1 or len(required(derivative)) > 1:
        return None
    if any(looks_like_a_gradient(argument) for argument in required(derivative)):
        return None
    pair = activation_pair(function, _after(function, derivative), x, None)
    pair.name = type(thing).__name__
    return pair


def _after(function: Any, derivative: Any) -> Any:
    """A derivative without arguments as one at x: it goes with the call before it."""
    if required(derivative):
        return derivative

    @functools.wraps(derivative)
    def at(x: Any) -> Any:
        function(x)
        return derivative()

    vars(at).pop("__wrapped__")
    return at
