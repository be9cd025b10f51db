"""Programs of an example: their own loss, one of their file, or a usual one."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from chainrule.doctor.intake.cases import KEYS, Case, Example
from chainrule.doctor.intake.usual.losses import Make, with_assumed_loss, with_believable_loss
from chainrule.doctor.subjects.program import Program
from chainrule.foreign.calls.calling import required
from chainrule.foreign.calls.conventions import Code
from chainrule.foreign.errors import CannotCheckError, LossNeededError
from chainrule.foreign.naming.gradient_names import is_about_gradients
from chainrule.foreign.naming.roles import LOSS_NAMES, NAMES_LOSS, method_among, role_of
from chainrule.foreign.reading.source import methods_called_by
from chainrule.foreign.running.loading import functions_in
from chainrule.foreign.running.randomness import Randomness


def from_code(name: str, code: Code, example: Example, randomness: Randomness) -> Program:
    """Code whose parts are known, on the input and the targets of an example.

    Raises:
        CannotCheckError: as `from_example`.
    """
    return make_program(name, code, example["x"], example, randomness)


def make_program(
    name: str, code: Code, x: Any, example: Example, randomness: Randomness
) -> Program:
    """The program of an example, with a usual loss where it needs one and none is given."""
    made = program_maker(name, x, example, randomness)
    try:
        program = made(code, example.get("y"))
    except LossNeededError:
        return with_loss(made, code, x, example)
    is_found_by_name = "loss" not in example and _has_loss_of_file(program.code)
    return with_believable_loss(made, program) if is_found_by_name else program


def with_loss(made: Make, code: Code, x: Any, example: Example) -> Program:
    """The program with its own loss, or with a usual one, where it has none or one that was only
    found in its file by its name and does not fit."""
    y = example.get("y")
    if "loss" in example or not _has_loss_of_file(code):
        return with_assumed_loss(made, code, x, y, _has_own_loss(code))
    try:
        program = with_assumed_loss(made, code, x, y)
    except CannotCheckError:
        return with_assumed_loss(made, replace(code, loss=None), x, y)
    return with_believable_loss(made, program)


def _has_loss_of_file(code: Code) -> bool:
    """True if a loss is a function of the file, and no method of the object."""
    loss: Any = code.loss(code.state) if code.loss else None
    is_function = isinstance(loss, types.FunctionType)
    return is_function and not str(loss.__module__).startswith("chainrule.")


def _has_own_loss(code: Code) -> bool:
    """True if the object has a loss of x and y, and gradients of x and y beside it."""
    if code.loss is None or code.is_dictionary:
        return False
    loss, backward = code.loss(code.state), code.backward(code.state)
    is_method = inspect.ismethod(loss) and loss.__self__ is code.state
    asked = [{role_of(name) for name in required(each)} for each in (loss, backward)]
    return is_method and all({"x", "y"} <= roles for roles in asked)


def refuse_deltas(case: Case, forward: str) -> None:
    """Refuse a backward pass that leaves all parameters without a gradient, as one does that hands
    back the deltas of layers, for an update to go on from.

    Raises:
        CannotCheckError: it is one.
    """
    program = case.subject
    if not isinstance(program, Program) or not program.paths:
        return
    given = program.gradients(program.values).gradients
    if all(given.get(name) is None for name in program.paths):
        raise CannotCheckError(
            f"it gives no gradient of what {forward} is handed: they are made elsewhere"
        )


def program_maker(name: str, x: Any, example: Example, randomness: Randomness) -> Make:
    """What makes the program of a code with targets."""
    known = {*KEYS, "name"}
    extra = {key: value for key, value in example.items() if key not in known}

    def made(code: Code, y: Any) -> Program:
        return Program(
            name,
            code,
            x,
            y,
            rate=example.get("learning_rate"),
            batch_axis=example.get("axis"),
            randomness=randomness,
            extra=extra,
        )

    return made


def own_loss(thing: Any) -> Any:
    """A loss among the methods of an object: of several, the one that its other methods call."""
    name = method_among(thing, LOSS_NAMES) or _only_loss(thing)
    called = [each for each in _losses_of_two(thing) if each in methods_called_by(thing)]
    if name not in called and len(called) == 1:
        name = called[0]
    return name and getattr(thing, name)


def _only_loss(thing: Any) -> str | None:
    """The method that is a loss of two arrays by its name, if there is one alone."""
    of_two = _losses_of_two(thing)
    return of_two[0] if len(of_two) == 1 else None


def _losses_of_two(thing: Any) -> list[str]:
    kind = type(thing)
    methods = [n for n in dir(kind) if inspect.isfunction(getattr(kind, n))]
    named = [n for n in methods if NAMES_LOSS.search(n.lower()) and not is_about_gradients(n)]
    return [n for n in named if len(required(getattr(thing, n))) == 2]


def loss_in(module: types.ModuleType | None) -> Any:
    """A loss among the functions of a file: by its name, if there is only one."""
    named = [
        function
        for name, function in (functions_in(module) if module else {}).items()
        if NAMES_LOSS.search(name.lower()) and not is_about_gradients(name)
    ]
    return named[0] if len(named) == 1 else None


def as_part(thing: Any, loss: Any) -> Callable[[Any], Any] | None:
    """A loss as a part of the state: a method goes with the copy of its object."""
    if loss is None:
        return None
    if inspect.ismethod(loss) and loss.__self__ is thing:
        name = loss.__name__
        return lambda state: getattr(state, name)
    return lambda state: loss
