"""From an example, as `example(rng)` returns it, to what can be examined."""

from __future__ import annotations

import copy
import functools
import inspect
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from chainrule.doctor.intake.loss_objects import is_loss_object, loss_code
from chainrule.doctor.intake.usual_losses import (
    Make,
    with_assumed_loss,
    with_believable_loss,
)
from chainrule.doctor.numbers.examination import examine
from chainrule.doctor.numbers.finite_differences import Precision, probe
from chainrule.doctor.subjects.pairs import OTHER_POINT, ActivationPair, LossPair, Point
from chainrule.doctor.subjects.program import Program
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign import state as states
from chainrule.foreign.branches import Place
from chainrule.foreign.calling import required
from chainrule.foreign.conventions import Code, takes_targets
from chainrule.foreign.errors import CannotCheckError, LossNeededError
from chainrule.foreign.gradient_names import (
    is_about_gradients,
    looks_like_a_gradient,
    pairs_among,
)
from chainrule.foreign.joint import gradients_of, joint_method, loss_of
from chainrule.foreign.loading import functions_in, random_sources
from chainrule.foreign.randomness import Randomness
from chainrule.foreign.roles import (
    BACKWARD_METHODS,
    FORWARD_METHODS,
    JOINT_METHODS,
    LOSS_NAMES,
    NAMES_LOSS,
    TRAINING_METHODS,
    method_among,
    role_of,
)
from chainrule.types import Array

Example = dict[str, Any]

KEYS = (
    *("layer", "forward", "backward", "params", "loss", "function", "derivative", "of", "x", "y"),
    *("learning_rate", "predict", "axis", "optimizer", "grads"),
)

ACTIVATION_METHODS = ("fn", "f", "function", "func", "activation", "calc", "call", "apply")
DERIVATIVE_METHODS = (
    *("gradient", "derivative", "deriv", "grad", "prime", "df", "derivate", "slope", "diff", "d"),
    *("derivative_function", "d_function", "gradient_function", "compute_derivative"),
)
OWN = ("chainrule.layers.base", "chainrule.network")  # takes long to import, for most code in vain
NO_INPUT = np.zeros((), int)  # of code that holds its data itself
OUTPUT_ARGUMENTS = ("s", "y", "sigma", "fx", "activated")  # of derivatives: sigmoid_prime(s)


@dataclass
class Case:
    """Something to examine.

    Args:
        subject: the code; None for an optimizer, which the example holds.
        example: what it was made from.
        module: the file, where there is one.
        notes: what was assumed, for the report.
        unchecked: what beside it has a backward pass and could not be run, and why.
        runs: false if its backward pass raises an exception there.
        made: how its object was made, where that is known.
        choice: what differs from another case, ``activation = 'relu'``; "" if nothing does.
        newly_run: the places that it runs, and the other one does not: only they are to blame for
            what is wrong here alone.
    """

    subject: Subject | None
    example: Example = field(default_factory=dict)
    module: types.ModuleType | None = None
    notes: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    runs: bool = True
    made: Made | None = None
    choice: str = ""
    newly_run: frozenset[Place] = frozenset()


@dataclass(frozen=True)
class Made:
    """How an object was made.

    Args:
        kind: its class.
        given: the arguments, by name.
    """

    kind: type
    given: dict[str, Any]

    def words(self) -> Iterator[tuple[str, str]]:
        """The words among the arguments, also those in lists, each with the argument's name."""
        for name, value in self.given.items():
            parts = value if isinstance(value, (list, tuple)) else [value]
            for word in dict.fromkeys(part for part in parts if isinstance(part, str)):
                yield name, word

    def other(self, name: str, word: str, new: str) -> Any:
        """An object that is made with another word."""
        value = self.given[name]
        changed: Any = new
        if isinstance(value, (list, tuple)):
            changed = type(value)(new if part == word else part for part in value)
        return self.kind(**{**copy.deepcopy(self.given), name: changed})


def made_with(kind: type, values: Iterable[Any], keywords: Mapping[str, Any]) -> Made | None:
    """How an object of a class was made; None where not all arguments have names."""
    signature = inspect.signature(kind)
    nameless = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY)
    if any(parameter.kind in nameless for parameter in signature.parameters.values()):
        return None
    bound = signature.bind(*values, **keywords)
    bound.apply_defaults()
    given = dict(bound.arguments)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            given |= given.pop(name)
    return Made(kind, given)


def first_that_runs(examples: Iterable[Example], make: Callable[[Example], Case]) -> Case:
    """The case of the first example on which the code runs both passes.

    Raises:
        Exception: what the code, or the making of the first case, raised.
        CannotCheckError: there is no example.
    """
    failure: Exception | None = None
    for example in examples:
        try:
            case = make(example)
            if case.subject is not None:
                case.subject.is_guessed = True
                case.subject.gradients(case.subject.values)
        except Exception as error:  # code may refuse a part of its batch
            failure = failure or error
            continue
        return case
    raise failure or CannotCheckError("no input was seen")


def from_example(
    example: Example, randomness: Randomness, module: types.ModuleType | None = None
) -> Case:
    """A case from the dictionary that `example(rng)` returns.

    Raises:
        CannotCheckError: it has nothing that is understood; what the code itself raises passes
            through.
    """
    if "layer" in example:
        subject = _from_layer(example, randomness, module)
        names = vars(module) if module else ()
        subject.has_cross_entropy = any("entropy" in name.lower() for name in names)
        return Case(subject, example, module)
    if "forward" in example and "backward" in example:
        return Case(_from_functions(example, randomness, module), example, module)
    if "optimizer" in example:
        return Case(None, example, module)
    if "function" in example and "derivative" in example:
        x = _needed(example, "x")
        pair = _activation_pair(example["function"], example["derivative"], x, example.get("of"))
        return Case(pair, example, module)
    if "loss" in example and "derivative" in example:
        x, y = _needed(example, "x"), _needed(example, "y")
        both = example["loss"], example["derivative"]
        return Case(LossPair(*both, x, y, _has_plain_softmax(module)), example, module)
    raise CannotCheckError(
        "the example has neither a layer, nor forward and backward, nor a function and its "
        f"derivative, nor an optimizer; its keys are {', '.join(map(str, example)) or 'none'}, "
        f"those that are understood {', '.join(KEYS)}"
    )


def _has_plain_softmax(module: types.ModuleType | None) -> bool:
    """True if a file has a softmax and no derivative of it."""
    functions = functions_in(module) if module else {}
    with_derivative = {function for function, _ in pairs_among(functions)}
    named = {n for n in functions if "softmax" in n.lower() and not is_about_gradients(n)}
    return any(not NAMES_LOSS.search(n.lower()) for n in named - with_derivative)


def _needed(example: Example, key: str) -> Any:
    if key not in example:
        raise CannotCheckError(f'the example has no "{key}"')
    return example[key]


def _activation_pair(function: Any, derivative: Any, x: Any, of: Point | None) -> ActivationPair:
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


def _from_layer(
    example: Example, randomness: Randomness, module: types.ModuleType | None
) -> Subject:
    layer = example["layer"]
    if any(base.__module__ in OWN for base in type(layer).__mro__):
        from chainrule.doctor.subjects.chainrule_network import ChainruleNetwork

        return ChainruleNetwork(layer, example.get("x"), example.get("y"), example.get("loss"))
    if isinstance(layer, type):
        raise CannotCheckError(
            f'"layer" is the class {layer.__name__}: give an object of it, {layer.__name__}(…)'
        )
    return from_object(layer, _needed(example, "x"), example, randomness, module)


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
    loss = example.get("loss") or _own_loss(thing) or loss_in(module)
    name = type(thing).__name__
    if (joint := _joint_method(thing)) is not None:
        method, place = joint
        code = Code(
            thing,
            lambda state: loss_of(getattr(state, method), place),
            lambda state: gradients_of(getattr(state, method), place),
            joint=getattr(type(thing), method),
        )
        return _program(name, code, x, example, randomness)
    forward, backward, trains = methods_of(thing)
    if takes_targets(getattr(thing, forward)) and "loss" not in example:
        loss = None  # its own forward pass computes it
    code = Code(
        thing,
        lambda state: getattr(state, forward),
        lambda state: getattr(state, backward),
        _as_part(thing, loss),
        trains=trains,
    )
    return _program(name, code, x, example, randomness)


def _from_loss_object(thing: Any, x: Any, example: Example, randomness: Randomness) -> Subject:
    """A loss as an object; where it gives one for each example, their mean, or else their sum."""
    name = type(thing).__name__
    mean = _program(name, loss_code(thing, np.mean), x, example, randomness)
    if not examine(mean).wrong:
        return mean
    total = _program(name, loss_code(thing, np.sum), x, example, randomness)
    return mean if examine(total).wrong else total


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
    pair = _activation_pair(function, _after(function, derivative), x, None)
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


def ambiguous_backward(thing: Any) -> str | None:
    """The backward method, if nothing says what its only argument is: backward(x), backward(y)."""
    name = method_among(thing, BACKWARD_METHODS)
    needed = required(getattr(thing, name)) if name else []
    if len(needed) > 1 or any(looks_like_a_gradient(argument) for argument in needed):
        return None
    return name


def _joint_method(thing: Any) -> tuple[str, int] | None:
    """A method that returns the loss together with the gradients, where there is no other, and the
    place of the loss."""
    backward = method_among(thing, BACKWARD_METHODS)
    found = joint_method(thing, () if backward else JOINT_METHODS)
    return found if found and backward in (None, found[0]) else None


def _as_part(thing: Any, loss: Any) -> Callable[[Any], Any] | None:
    """A loss as a part of the state: a method goes with the copy of its object."""
    if loss is None:
        return None
    if inspect.ismethod(loss) and loss.__self__ is thing:
        name = loss.__name__
        return lambda state: getattr(state, name)
    return lambda state: loss


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
    loss = _own_loss(thing) or loss_in(module)
    forward, backward, _ = methods_of(thing)
    code = Code(
        thing,
        lambda state: getattr(state, forward),
        lambda state: getattr(state, backward),
        _as_part(thing, loss),
    )
    made = _maker(type(thing).__name__, x, example, randomness)
    return _with_loss(made, code, x, example)


def object_case(module: types.ModuleType, example: Example) -> Case:
    """The case of an object, which may hold its data itself: then x is `NO_INPUT`."""
    randomness = Randomness(random_sources(module))
    if np.ndim(example["x"]) or "y" not in example:
        return from_example(example, randomness, module)
    subject = from_targets(example["layer"], example["x"], example, randomness, module)
    return Case(subject, example, module)


def held_targets(thing: Any) -> Array | None:
    """The targets among the attributes of an object."""
    held = getattr(thing, "__dict__", {}).items()
    return next((v for n, v in held if role_of(n) == "y" and isinstance(v, np.ndarray)), None)


def from_code(name: str, code: Code, example: Example, randomness: Randomness) -> Program:
    """Code whose parts are known, on the input and the targets of an example.

    Raises:
        CannotCheckError: as `from_example`.
    """
    return _program(name, code, example["x"], example, randomness)


def _program(name: str, code: Code, x: Any, example: Example, randomness: Randomness) -> Program:
    """The program of an example, with a usual loss where it needs one and none is given."""
    made = _maker(name, x, example, randomness)
    try:
        program = made(code, example.get("y"))
    except LossNeededError:
        return _with_loss(made, code, x, example)
    is_found_by_name = "loss" not in example and _has_loss_of_file(program.code)
    return with_believable_loss(made, program) if is_found_by_name else program


def _with_loss(made: Make, code: Code, x: Any, example: Example) -> Program:
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


def _maker(name: str, x: Any, example: Example, randomness: Randomness) -> Make:
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


def methods_of(thing: Any) -> tuple[str, str, bool]:
    """The names of the forward and the backward method, and true if the latter trains.

    Raises:
        CannotCheckError: there is none.
    """
    forward = method_among(thing, FORWARD_METHODS)
    backward, trains = method_among(thing, BACKWARD_METHODS), method_among(thing, TRAINING_METHODS)
    if forward is None or (backward or trains) is None:
        methods = [m for m in dir(thing) if not m.startswith("_") and callable(getattr(thing, m))]
        raise CannotCheckError(
            f"{type(thing).__name__} has no {'forward' if forward is None else 'backward'} method; "
            f"it has {', '.join(methods) or 'none'}, and forward(x) and backward(dy) are looked for"
        )
    return forward, str(backward or trains), backward is None


def _own_loss(thing: Any) -> Any:
    """A loss among the methods of an object."""
    name = method_among(thing, LOSS_NAMES) or _only_loss(thing)
    return name and getattr(thing, name)


def _only_loss(thing: Any) -> str | None:
    """The method that is a loss of two arrays by its name, if there is one alone."""
    kind = type(thing)
    methods = [n for n in dir(kind) if inspect.isfunction(getattr(kind, n))]
    named = [n for n in methods if NAMES_LOSS.search(n.lower()) and not is_about_gradients(n)]
    of_two = [n for n in named if len(required(getattr(thing, n))) == 2]
    return of_two[0] if len(of_two) == 1 else None


def loss_in(module: types.ModuleType | None) -> Any:
    """A loss among the functions of a file: by its name, if there is only one."""
    named = [
        function
        for name, function in (functions_in(module) if module else {}).items()
        if NAMES_LOSS.search(name.lower()) and not is_about_gradients(name)
    ]
    return named[0] if len(named) == 1 else None


def _from_functions(
    example: Example, randomness: Randomness, module: types.ModuleType | None
) -> Subject:
    forward, backward = example["forward"], example["backward"]
    params = example.get("params", example.get("parameters", {}))
    loss = example.get("loss") or loss_in(module)
    thing = getattr(forward, "__self__", None)
    if thing is not None and thing is getattr(backward, "__self__", None):
        named = forward.__name__, backward.__name__
        code = Code(
            thing,
            lambda state: getattr(state, named[0]),
            lambda state: getattr(state, named[1]),
            _as_part(thing, loss),
        )
    else:
        code = Code(
            params if isinstance(params, Mapping) else {"params": params},
            lambda state: forward,
            lambda state: backward,
            _as_part(params, loss),
            is_dictionary=True,
        )
    name = getattr(backward, "__name__", "a function")
    return _program(name, code, _needed(example, "x"), example, randomness)
