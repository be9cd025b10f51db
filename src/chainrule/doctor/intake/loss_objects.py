"""A loss as an object: forward(predictions, targets) gives it, backward(predictions, targets) its
gradient, where the predictions may be those that its own softmax made of logits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.doctor.intake.usual.inputs import first_weights
from chainrule.foreign.calls.calling import in_the_place_of, required
from chainrule.foreign.calls.conventions import Code
from chainrule.foreign.naming.roles import BACKWARD_METHODS, FORWARD_METHODS, method_among, role_of
from chainrule.seeding import generator
from chainrule.types import Array

Reduce = Callable[[Array], Any]


def is_loss_object(thing: Any) -> bool:
    """True if the forward pass of an object without weights asks for predictions and targets, and
    its backward pass for both again, or for nothing."""
    names = method_among(thing, FORWARD_METHODS), method_among(thing, BACKWARD_METHODS)
    methods = [getattr(thing, name) for name in names if name]
    if len(methods) < 2 or first_weights(thing) is not None:
        return False
    forward, backward = methods
    asks_again = not required(backward) or _asks_for_predictions_and_targets(backward)
    return _asks_for_predictions_and_targets(forward) and asks_again


def _asks_for_predictions_and_targets(method: Callable[..., Any]) -> bool:
    asked = [role_of(name) for name in required(method)]
    return len(asked) == 2 and asked.count("y") == 1


def loss_code(thing: Any, reduced: Reduce) -> Code:
    """A loss as code whose forward pass gives a number.

    Args:
        reduced: makes it of the losses of the examples, if forward gives those.
    """
    forward = str(method_among(thing, FORWARD_METHODS))
    backward = str(method_among(thing, BACKWARD_METHODS))

    def value_of(state: Any) -> Callable[..., Any]:
        method = getattr(state, forward)

        def value(x: Array, y: Array) -> Any:
            given = method(*_in_order(method, x, y))
            return reduced(np.asarray(_loss_among(given) if isinstance(given, tuple) else given))

        return in_the_place_of(method, value)

    def gradient_of(state: Any) -> Callable[..., Any]:
        method = getattr(state, backward)

        def gradient(x: Array, y: Array) -> Any:
            if not required(method):
                return method()
            return method(*_in_order(method, _kept_output(state, x), y))

        return in_the_place_of(method, gradient)

    return Code(thing, value_of, gradient_of)


def _loss_among(parts: tuple[Any, ...]) -> Any:
    """The loss among what a forward pass returns: the number beside arrays, else the first."""
    return next((part for part in parts if np.ndim(part) == 0), parts[0])


def _in_order(method: Callable[..., Any], x: Array, y: Array) -> tuple[Array, Array]:
    """Predictions and targets as a method asks for them."""
    return (y, x) if role_of(required(method)[0]) == "y" else (x, y)


def _kept_output(state: Any, x: Array) -> Array:
    """What the object made of its input, and keeps as its output; else the input."""
    kept = [value for name, value in vars(state).items() if role_of(name) == "output"]
    return next((v for v in kept if isinstance(v, np.ndarray) and v.shape == x.shape), x)


def predictions(rows: int, columns: int, seed: int = 0) -> Array:
    """Probabilities, none of them near 0 or 1: they suit every loss."""
    rng = generator(seed, "loss")
    return np.asarray(0.8 * rng.dirichlet(np.ones(columns), size=rows) + 0.04)
