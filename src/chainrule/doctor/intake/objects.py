"""Layers, networks and losses as objects: which of their methods are the passes."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.doctor.intake.activations import activation_of
from chainrule.doctor.intake.cases import Example
from chainrule.doctor.intake.loss_objects import is_loss_object, loss_code
from chainrule.doctor.intake.programs import (
    as_part,
    loss_in,
    make_program,
    own_loss,
    program_maker,
    with_loss,
)
from chainrule.doctor.numbers.examination import examine
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.calls.calling import in_the_place_of, required
from chainrule.foreign.calls.cells import Cell, cell_of
from chainrule.foreign.calls.conventions import Code, takes_targets
from chainrule.foreign.calls.joint import gradients_of, joint_method, loss_of
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.naming.gradient_names import looks_like_a_gradient
from chainrule.foreign.naming.roles import (
    BACKWARD_METHODS,
    FORWARD_METHODS,
    JOINT_METHODS,
    TRAINING_METHODS,
    method_among,
    passes_named_alike,
    role_of,
)
from chainrule.foreign.running.randomness import Randomness
from chainrule.types import Array


def from_object(
    thing: Any,
    x: Any,
    example: Example,
    randomness: Randomness,
    module: types.ModuleType | None = None,
) -> Subject:
    """A layer or network as an object.

    Raises:
        CannotCheckError: it has no forward or no backward method, or nothing that can be compared;
            what the code itself raises passes through.
    """
    if (pair := activation_of(thing, x)) is not None:
        return pair
    if is_loss_object(thing):
        return _from_loss_object(thing, x, example, randomness)
    loss = example.get("loss") or own_loss(thing) or loss_in(module)
    name = type(thing).__name__
    if (joint := _joint_method(thing)) is not None:
        method, place = joint
        code = Code(
            thing,
            lambda state: loss_of(getattr(state, method), place),
            lambda state: gradients_of(getattr(state, method), place),
            joint=getattr(type(thing), method),
        )
        return make_program(name, code, x, example, randomness)
    forward, backward, trains = methods_of(thing)
    if takes_targets(getattr(thing, forward)) and "loss" not in example:
        loss = None  # its own forward pass computes it
    held = _input_that_it_holds(thing, forward) if np.ndim(x) else None
    code = Code(
        thing,
        lambda state: getattr(state, forward) if held is None else _of_held(state, held, forward),
        lambda state: getattr(state, backward),
        as_part(thing, loss),
        trains=trains,
    )
    return make_program(name, code, x, example, randomness)


def _input_that_it_holds(thing: Any, forward: str) -> str | None:
    """The attribute in which an object holds its input, if its forward pass asks for none."""
    held = getattr(thing, "__dict__", {})
    named = next((name for name in held if role_of(name) == "x"), None)
    return None if required(getattr(thing, forward)) else named


def _of_held(state: Any, attribute: str, forward: str) -> Callable[[Array], Any]:
    """The forward pass of an object that holds its input, as a function of it."""
    method = getattr(state, forward)

    def passes(x: Array) -> Any:
        setattr(state, attribute, x)
        return method()

    return in_the_place_of(method, passes)


def _from_loss_object(thing: Any, x: Any, example: Example, randomness: Randomness) -> Subject:
    """A loss as an object; where it gives one for each example, their mean, or else their sum."""
    name = type(thing).__name__
    mean = make_program(name, loss_code(thing, np.mean), x, example, randomness)
    if not examine(mean).wrong:
        return mean
    total = make_program(name, loss_code(thing, np.sum), x, example, randomness)
    return mean if examine(total).wrong else total


def from_targets(
    thing: Any,
    x: Any,
    example: Example,
    randomness: Randomness,
    module: types.ModuleType | None,
) -> Subject:
    """An object whose backward pass takes the targets, though its argument's name leaves it open.

    Raises:
        LossNeededError: no usual loss fits.
    """
    loss = own_loss(thing) or loss_in(module)
    forward, backward, _ = methods_of(thing)
    code = Code(
        thing,
        lambda state: getattr(state, forward),
        lambda state: getattr(state, backward),
        as_part(thing, loss),
    )
    made = program_maker(type(thing).__name__, x, example, randomness)
    return with_loss(made, code, x, example)


def methods_of(thing: Any) -> tuple[str, str, bool]:
    """The names of the forward and the backward method, and true if the latter trains.

    Raises:
        CannotCheckError: there is none.
    """
    forward = method_among(thing, FORWARD_METHODS)
    backward, trains = method_among(thing, BACKWARD_METHODS), method_among(thing, TRAINING_METHODS)
    if forward is None and backward is None and (alike := passes_named_alike(thing)) is not None:
        return *alike, False
    if forward is None or (backward or trains) is None:
        methods = [m for m in dir(thing) if not m.startswith("_") and callable(getattr(thing, m))]
        raise CannotCheckError(
            f"{type(thing).__name__} has no {'forward' if forward is None else 'backward'} method; "
            f"it has {', '.join(methods) or 'none'}, and forward(x) and backward(dy) are looked for"
        )
    return forward, str(backward or trains), backward is None


def cell_in(thing: Any) -> Cell | None:
    """An object as a recurrent cell, if its passes are those of one."""
    names = method_among(thing, FORWARD_METHODS), method_among(thing, BACKWARD_METHODS)
    passes = [getattr(thing, name) for name in names if name]
    return cell_of(*passes) if len(passes) == 2 and all(map(inspect.ismethod, passes)) else None


def _joint_method(thing: Any) -> tuple[str, int] | None:
    """A method that returns the loss together with the gradients, where there is no other, and the
    place of the loss."""
    backward = method_among(thing, BACKWARD_METHODS)
    found = joint_method(thing, () if backward else JOINT_METHODS)
    return found if found and backward in (None, found[0]) else None


def ambiguous_backward(thing: Any) -> str | None:
    """The backward method, if nothing says what its only argument is: backward(x), backward(y)."""
    name = method_among(thing, BACKWARD_METHODS)
    needed = required(getattr(thing, name)) if name else []
    if len(needed) > 1 or any(looks_like_a_gradient(argument) for argument in needed):
        return None
    return name


def held_targets(thing: Any) -> Array | None:
    """The targets among the attributes of an object."""
    held = getattr(thing, "__dict__", {}).items()
    return next((v for n, v in held if role_of(n) == "y" and isinstance(v, np.ndarray)), None)
