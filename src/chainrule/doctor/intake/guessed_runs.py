"""Objects and functions that nobody said how to run: tried on guessed inputs until one runs."""

from __future__ import annotations

import copy
import inspect
import re
import types
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from chainrule.doctor.intake.examples import (
    ACTIVATION_METHODS,
    DERIVATIVE_METHODS,
    NO_INPUT,
    Case,
    Example,
    activation_of,
    ambiguous_backward,
    first_that_runs,
    from_example,
    from_targets,
    held_targets,
    made_with,
    object_case,
)
from chainrule.doctor.intake.loss_objects import is_loss_object, predictions
from chainrule.doctor.intake.usual_inputs import inputs
from chainrule.doctor.intake.usual_layers import begins_empty, chains, fill
from chainrule.doctor.intake.usual_parameters import parameter_sets
from chainrule.doctor.intake.usual_sizes import (
    arguments,
    data_arguments,
    keywords,
    needed_arguments,
    settings_of,
    strengths_of,
)
from chainrule.doctor.numbers.examination import examine
from chainrule.doctor.optimizers.steps import METHODS, diagnose_optimizer
from chainrule.doctor.subjects.program import Program
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.calling import required
from chainrule.foreign.errors import CannotCheckError, EndlessError, LossNeededError
from chainrule.foreign.joint import joint_method
from chainrule.foreign.loading import functions_in, random_sources
from chainrule.foreign.parameter_names import is_bias
from chainrule.foreign.randomness import Randomness, random_like
from chainrule.foreign.roles import (
    BACKWARD_METHODS,
    FORWARD_FUNCTIONS,
    FORWARD_METHODS,
    JOINT_METHODS,
    TRAINING_METHODS,
    is_backward_pass,
    is_forward_pass,
    method_among,
    role_of,
)
from chainrule.foreign.source import (
    is_empty,
    likeliest_option,
    options_of,
    returned_names,
    string_options,
)
from chainrule.types import Array, Shape

Function = Callable[..., Any]

SETS_UP = re.compile(r"_?(init(ialize)?_?(params|parameters|weights)|build|set_?up|initialize)")
SET_UP_FOR = ((5, 4), (4,), 4, (3, 6, 7, 2))  # shapes of inputs, with and without the batch
MAKES_PARAMETERS = re.compile(
    r"init|make_param|create_param|get_param|build_param|params$"  # the functions' names
)


def attempt_class(kind: type, module: types.ModuleType, shape: Shape | None) -> Case:
    """An object of a class, made with guessed arguments.

    Args:
        shape: of the input, where it is known.
    Raises:
        CannotCheckError: it cannot be made, or runs on no input that was tried.
    """
    if is_stub(kind):
        raise CannotCheckError("its backward pass is empty, still to be written")
    failure: Exception | None = None
    forward_only: Case | None = None
    for values in _constructor_arguments(kind, module):
        try:
            given = keywords(kind, module)
            thing = kind(*values, **given)
            things = list(fill(thing, module)) if begins_empty(thing) else []
        except Exception as error:  # the constructor may raise anything for a wrong guess
            failure = failure or error
            continue
        shapes = [value for value in values if isinstance(value, tuple)]
        case = None
        for each, said in [(things[0], "")] if things else [(thing, ""), *_set_up(thing)]:
            try:
                case = attempt_object(each, module, shape, shapes)
                case.notes += [said] if said else []
                break
            except CannotCheckError as error:
                failure = failure or error
        if case is None:
            continue
        case.notes.insert(0, f"made as {kind.__name__}({', '.join(map(_in_words, values))})")
        case.made = None if things else made_with(kind, values, given)
        if case.runs:
            return case
        forward_only = forward_only or case
    if forward_only is not None:
        return forward_only
    if isinstance(failure, CannotCheckError):
        raise failure
    raise CannotCheckError(
        f"{kind.__name__} cannot be made without being told how ({failure}): give --make "
        f'"{kind.__name__}(…)" and --shape'
    )


def _set_up(thing: Any) -> Iterator[tuple[Any, str]]:
    """The object after a method that makes its weights for the shape of its input, if it has one,
    ``init_params(input_size)``, and what is said of that."""
    for name in dir(thing):
        method = getattr(thing, name)
        if not SETS_UP.fullmatch(name) or not callable(method) or len(required(method)) != 1:
            continue
        for shape in SET_UP_FOR:
            made = copy.deepcopy(thing)
            with suppress(Exception):  # the code may raise anything for a wrong guess
                getattr(made, name)(shape)
                yield made, f"{name}({shape}) was called first"


def has_both_passes(kind: type) -> bool:
    """True if a class has methods that are a forward and a backward pass by their names."""
    backward = method_among(kind, BACKWARD_METHODS)
    if backward is None and (method_among(kind, JOINT_METHODS) or joint_method(kind)):
        return True
    others = (*TRAINING_METHODS, *DERIVATIVE_METHODS)
    # every class can be called, which makes an object: the objects must be callable
    own = [n for n in (*FORWARD_METHODS, *ACTIVATION_METHODS) if n != "__call__"]
    has_forward = method_among(kind, own) is not None or "__call__" in dir(kind)
    return has_forward and (backward or method_among(kind, others)) is not None


def is_abstract(kind: type) -> bool:
    """True if its passes only say that they are missing, for other classes to define."""
    methods = [getattr(kind, n) for n in (*FORWARD_METHODS, *BACKWARD_METHODS) if hasattr(kind, n)]
    codes = [m.__code__ for m in methods if inspect.isfunction(m)]
    return bool(codes) and all(
        "NotImplementedError" in code.co_names or not (code.co_names or code.co_consts[1:])
        for code in codes
    )


def passes_among(functions: Collection[str]) -> list[tuple[str, str]]:
    """The names of a forward and a backward function, where a file has both."""
    forward = [n for n in FORWARD_FUNCTIONS if n in functions][:1] or _only(
        filter(is_forward_pass, functions)
    )
    backward = [n for n in BACKWARD_METHODS if n in functions][:1] or _only(
        filter(is_backward_pass, functions)
    )
    return [*zip(forward, backward, strict=False)]


def _only(names: Iterable[str]) -> list[str]:
    """The name, if there is one alone."""
    found = list(names)
    return found if len(found) == 1 else []


def is_stub(kind: type) -> bool:
    """True if the backward method of a class is still to be written."""
    name = method_among(kind, BACKWARD_METHODS)
    return name is not None and is_empty(getattr(kind, name))


def _constructor_arguments(kind: type, module: types.ModuleType) -> Iterator[list[Any]]:
    """Arguments to try for a class; a list of layers where it asks for layers."""
    needed = needed_arguments(kind)
    if "layers" in needed:
        for layers in chains(module, kind):
            for values in arguments(kind, module):
                yield [layers if n == "layers" else v for n, v in zip(needed, values, strict=True)]
    yield from data_arguments(kind, module)
    yield from arguments(kind, module)


def _in_words(value: Any) -> str:
    """A value as it might stand in the code."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    if isinstance(value, list):
        return f"[{', '.join(map(_in_words, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(_in_words, value))})"
    if value is None or isinstance(value, (int, float, str)):
        return repr(value)
    return getattr(value, "__name__", f"{type(value).__name__}(…)")


def attempt_object(
    thing: Any, module: types.ModuleType, shape: Shape | None, shapes: Collection[Shape] = ()
) -> Case:
    """An object on the first input that both its passes take; else on one that forward takes.

    Args:
        shape: of the input, where it is known.
        shapes: with which it was made; one of them may be that of its input.
    Raises:
        CannotCheckError: it runs on no input that was tried.
        EndlessError: its forward pass does not come to an end.
    """
    from chainrule.layers.base import Layer

    kind = type(thing)
    if isinstance(thing, Layer):
        x, _ = next(_inputs(thing, shape))
        return from_example({"layer": thing, "x": x}, Randomness([]), module)
    if _holds_its_data(thing):
        return _on_its_data(thing, module)
    failure: Exception | None = None
    forward_only: Case | None = None
    options = {**_settings(thing), **options_of(thing)}
    for x, axis in _suitable(thing, list(_inputs(thing, shape, shapes))):
        example: Example = {"layer": thing, "x": x, "axis": axis, **options}
        try:
            case = from_example(example, Randomness(random_sources(module)), module)
        except (EndlessError, LossNeededError):
            raise  # it runs on this input: on a poorer one a mistake might not show
        except Exception as error:  # the code may raise anything on an input that it cannot take
            failure = failure or error
            continue
        case.notes = [_note(x), *_notes_on(_settings(thing))]
        subject = case.subject
        try:
            if subject is not None:
                subject.is_guessed = True
                subject.gradients(subject.values)
        except Exception as error:  # likewise
            failure = failure or error
            case.runs = False
            if not _complains_of_batches(error):
                forward_only = forward_only or case
            if isinstance(error, EndlessError):
                break
            continue
        return as_meant(case)
    if forward_only is not None:
        return forward_only
    if isinstance(failure, CannotCheckError):
        raise failure
    if begins_empty(thing):
        raise CannotCheckError(
            f"{kind.__name__} begins empty: a function example(rng) must fill it"
        )
    raise CannotCheckError(
        f"{kind.__name__} runs on no input that was tried "
        f"({type(failure).__name__}: {failure}): give --make and --shape, or a function "
        "example(rng) in the file"
    )


def _settings(thing: Any) -> dict[str, float]:
    """Numbers that the passes of an object ask for, besides what they are given."""
    names = (*FORWARD_METHODS, *BACKWARD_METHODS)
    passes = [getattr(thing, n) for n in names if inspect.ismethod(getattr(thing, n, None))]
    joint = joint_method(thing)
    if joint is None:
        return settings_of(*passes)
    method = getattr(thing, joint[0])
    return {**settings_of(*passes, method), **strengths_of(method)}


def _notes_on(settings: dict[str, float]) -> list[str]:
    return [f"{name} = {value:g} was tried" for name, value in settings.items()]


def _holds_its_data(thing: Any) -> bool:
    """True if an object was handed its data when it was made, and its passes ask for none."""
    forward = method_among(thing, FORWARD_METHODS)
    is_asked = forward is None or bool(required(getattr(thing, forward)))
    return not is_asked and held_targets(thing) is not None


def _on_its_data(thing: Any, module: types.ModuleType) -> Case:
    """The case of an object that holds its data.

    Raises:
        CannotCheckError: it does not run on it.
    """
    targets = np.asarray(held_targets(thing))
    example: Example = {"layer": thing, "x": NO_INPUT, "y": targets}
    try:
        case = first_that_runs([example], partial(object_case, module))
    except (EndlessError, CannotCheckError):
        raise
    except Exception as error:  # the code may raise anything on data that it cannot take
        raise CannotCheckError(
            f"{type(thing).__name__} does not run on the data that it was made with "
            f"({type(error).__name__}: {error}): give --make"
        ) from None
    if isinstance(case.subject, Program):
        _hold_to_its_targets(case.subject, targets)
    return case


def _hold_to_its_targets(program: Program, targets: Array) -> None:
    """Refuse what does not run as its author lets it run.

    Raises:
        CannotCheckError: the output does not belong to the targets, or who keeps it for the
            backward pass is not known.
    """
    done = program.run(program.values)
    if done.output.ndim and targets.ndim > 1 and done.output.shape != targets.shape:
        raise CannotCheckError(
            f"{program.name} gives an output of shape {done.output.shape} for targets of shape "
            f"{targets.shape}: give --make"
        )
    for name, value in vars(done.state).items():
        is_output = role_of(name) == "output" and np.shape(value) == done.output.shape
        if is_output and not np.array_equal(value, done.output):
            raise CannotCheckError(
                f"{program.name} holds {name}, in which its forward pass does not keep the output: "
                "let it do so"
            )


def as_meant(case: Case) -> Case:
    """The case, or another one of the same object: what its backward pass takes as its only
    argument may be the gradient of the output, the input, or the targets."""
    thing = case.example["layer"]
    if (sparse := _with_one_entry(case)) is not None:
        return sparse
    backward = ambiguous_backward(thing)
    if backward is None or not isinstance(case.subject, Program) or case.subject.dy is None:
        return case
    least = _share_of_wrong(case.subject)
    if not least:
        return case
    x, module = case.example["x"], case.module
    randomness = Randomness(random_sources(module) if module else [])
    ways = (
        lambda: activation_of(thing, x, backward),
        lambda: from_targets(thing, x, case.example, randomness, module),
    )
    best: Subject = case.subject
    for way in ways:
        with suppress(Exception):  # the code may raise anything when it is meant otherwise
            subject = way()
            share = 1.0 if subject is None else _share_of_wrong(subject)
            if subject is not None and share < least:
                best, least = subject, share
    return replace(case, subject=best)


def _share_of_wrong(subject: Subject) -> float:
    """How many of the gradients that can be compared are wrong."""
    found = examine(subject)
    return len(found.wrong) / len(found.truths) if found.truths else 1.0


def _with_one_entry(case: Case) -> Case | None:
    """The case with a gradient that is zero but for one entry, as the loss of a single example
    hands it to a softmax, if the code is right for such ones alone."""
    subject = case.subject
    if not isinstance(subject, Program) or subject.dy is None:
        return None
    output = subject.run(subject.values).output
    is_softmax = (output > 0).all() and np.isclose(output.sum(), 1)
    if output.size < 2 or not is_softmax or not examine(subject).wrong:
        return None
    other = subject.copied()
    other.dy = np.zeros_like(subject.dy)
    other.dy.flat[1] = subject.dy.flat[1]
    if examine(other).wrong:
        return None
    note = "right for a gradient with a single entry that is not zero, as the loss of one class has"
    return replace(case, subject=other, notes=[*case.notes, note])


def _inputs(
    thing: Any, shape: Shape | None, shapes: Collection[Shape] = ()
) -> Iterator[tuple[Array, int]]:
    """Inputs to try, by the weights of the object, and by what it and its arguments are called."""
    kind = type(thing)
    if is_loss_object(thing):
        rows, columns = shape[:2] if shape and len(shape) > 1 else (6, 4)
        return iter([(predictions(rows, columns), 0)])
    try:
        names: Collection[str] = inspect.signature(kind).parameters
    except (TypeError, ValueError):
        names = ()
    return inputs(kind.__name__, shape, names, thing, shapes)


def _suitable(thing: Any, tried: list[tuple[Array, int]]) -> list[tuple[Array, int]]:
    """Inputs of one example alone, if code is written for that and there are any."""
    if _takes_one_example(thing) and any(1 in np.shape(x) for x, _ in tried):
        return [(x, axis) for x, axis in tried if np.shape(x)[axis : axis + 1] == (1,)]
    return tried


def _takes_one_example(thing: Any) -> bool:
    """True if a layer with a bias never sums: its code is for one example at a time."""
    attributes = getattr(thing, "__dict__", {}).items()
    has_bias = any(is_bias(n) and (isinstance(v, list) or np.size(v) > 1) for n, v in attributes)
    try:
        source = inspect.getsource(type(thing))
    except (OSError, TypeError):
        return False
    return has_bias and not re.search(r"\b(sum|mean|einsum|average)\)?\(", source)


def _complains_of_batches(error: Exception) -> bool:
    """True if code written for one example at a time was given several."""
    return "non-broadcastable output operand" in str(error)


def _note(x: Array) -> str:
    return f"x of shape {np.shape(x)} was tried, as none was given"


def attempt_optimizer(kind: type, module: types.ModuleType) -> Case | None:
    """An optimizer on parameters in a dictionary, in a list, or alone, whichever it takes; None for
    a class that is none, or follows no formula that is known."""
    if not any(name in dir(kind) for name in METHODS):
        return None
    W, b = random_like(np.empty((4, 3)), "W"), random_like(np.empty(3), "b")
    dW, db = random_like(W, "dW"), random_like(b, "db")
    forms = (({"W": W, "b": b}, {"W": dW, "b": db}), ([W, b], [dW, db]), (W, dW))
    for params, grads in forms:
        with suppress(Exception):  # the code may raise anything on what it does not take
            made = kind(*next(arguments(kind, module)), **keywords(kind, module))
            example = {"optimizer": made, "params": params, "grads": grads}
            codes = {finding.code for finding in diagnose_optimizer(example).findings}
            if not codes & {"exception", "unknown"}:
                return Case(None, example, module, [f"made as {kind.__name__}()"])
    return None


def attempt_functions(
    forward: Function, backward: Function, module: types.ModuleType, shape: Shape | None
) -> Case:
    """forward(x, params) and backward over a dictionary that one of the file's functions makes.

    Args:
        shape: of the input, where it is known.
    Raises:
        CannotCheckError: they run on nothing that was tried.
        EndlessError: one of them does not come to an end.
    """
    failure: Exception | None = None
    other_shapes: Case | None = None
    words = {
        name: likeliest_option(options)
        for name in {*required(forward), *required(backward)}
        if (options := string_options(forward, name))
    }
    for make in _parameters(forward, module):
        try:
            params = make()
        except Exception as error:  # what makes the parameters may raise anything
            failure = failure or error
            continue
        for x, axis in inputs(forward.__name__, shape, (), params):
            example = {"forward": forward, "backward": backward, "params": make(), "x": x}
            example |= {"axis": axis, **words}
            try:
                case = from_example(example, Randomness(random_sources(module)), module)
                if case.subject is not None:
                    case.subject.gradients(case.subject.values)
            except EndlessError:
                raise
            except Exception as error:  # the code may raise anything on a wrong guess
                failure = failure or error
                continue
            case.notes.append(_note(x))
            if case.subject is not None:
                case.subject.is_guessed = True
            if _has_shapes_of_its_own(case):
                other_shapes = other_shapes or case  # those of the code's author may follow
                continue
            return case
    if other_shapes is not None:
        return other_shapes
    raise CannotCheckError(
        f"{forward.__name__} and {backward.__name__} run on nothing that was tried "
        f"({type(failure).__name__}: {failure}): write a function example(rng) that returns "
        '{"forward": …, "backward": …, "params": …, "x": …, "y": …, "loss": …}'
    )


def _has_shapes_of_its_own(case: Case) -> bool:
    """True if a gradient has another shape than the parameter that was made up for it."""
    subject = case.subject
    if subject is None:
        return False
    given = subject.gradients(subject.values).gradients
    shapes = {name: np.shape(gradient) for name, gradient in given.items() if gradient is not None}
    return any(shape != np.shape(subject.values[name]) for name, shape in shapes.items())


def _parameters(forward: Function, module: types.ModuleType) -> Iterator[Callable[[], Any]]:
    """What makes the parameters: functions of the file, or the names that are read; then, by name,
    those that the file's functions return one by one, in its author's sizes."""
    functions = functions_in(module)
    makers = [
        (maker, values)
        for name, maker in functions.items()
        if MAKES_PARAMETERS.search(name)
        for values in arguments(maker, module)
    ]
    for maker, values in makers:
        yield partial(maker, *values)
    for params in parameter_sets(forward):
        yield partial(copy.deepcopy, params)
    for maker, values in makers:
        yield partial(_made_by_name, maker, values)
    yield dict


def _made_by_name(maker: Callable[..., Any], values: list[Any]) -> Any:
    """What a function returns, by name: ``return W1, b1``; of arrays in float32 finer ones, in
    which gradients can be told apart."""
    made = maker(*values)
    names = returned_names(maker)
    if not isinstance(made, tuple) or len(names) != len(made) or not all(names):
        return made
    finer = [v.astype(np.float64) if getattr(v, "dtype", None) == np.float32 else v for v in made]
    return dict(zip(names, finer, strict=True))
