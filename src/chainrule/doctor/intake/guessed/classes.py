"""Classes that nobody said how to make: tried with guessed arguments."""

from __future__ import annotations

import copy
import inspect
import re
import types
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from chainrule.doctor.intake.activations import ACTIVATION_METHODS, DERIVATIVE_METHODS
from chainrule.doctor.intake.cases import Case, made_with
from chainrule.doctor.intake.guessed.objects import attempt_object
from chainrule.doctor.intake.unwritten import refuse_unwritten_passes
from chainrule.doctor.intake.usual.layers import argument_for_layers, begins_empty, chains, fill
from chainrule.doctor.intake.usual.sizes import (
    arguments,
    data_arguments,
    keywords,
    needed_arguments,
)
from chainrule.doctor.optimizers.steps import METHODS, diagnose_optimizer
from chainrule.foreign.calls.calling import required
from chainrule.foreign.calls.joint import joint_method
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.naming.roles import (
    BACKWARD_METHODS,
    FORWARD_METHODS,
    JOINT_METHODS,
    TRAINING_METHODS,
    method_among,
    passes_named_alike,
)
from chainrule.foreign.reading.source import is_empty
from chainrule.foreign.running.randomness import random_like
from chainrule.types import Shape

SETS_UP = re.compile(r"_?(init(ialize)?_?(params|parameters|weights)|build|set_?up|initialize)")
IS_SHAPE = re.compile(r"(in(put)?_?)?(shape|dims?|size)")  # what such a method is handed
SET_UP_FOR = ((5, 4), (4,), 4, (3, 6, 7, 2))  # shapes of inputs, with and without the batch


def attempt_class(kind: type, module: types.ModuleType, shape: Shape | None) -> Case:
    """An object of a class, made with guessed arguments.

    Args:
        shape: of the input, where it is known.
    Raises:
        CannotCheckError: it is still to be written, cannot be made, or runs on no input that was
            tried.
    """
    refuse_unwritten_passes(kind)
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
        named = [f"{name}={_in_words(value)}" for name, value in given.items()]
        words = ", ".join([*map(_in_words, values), *named])
        case.notes.insert(0, f"made as {kind.__name__}({words})")
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
        method = getattr(thing, name, None)  # a property may refuse
        if name.startswith("__") or not inspect.ismethod(method) or len(required(method)) != 1:
            continue
        if not SETS_UP.fullmatch(name) and not IS_SHAPE.fullmatch(required(method)[0].lower()):
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
    if passes_named_alike(kind) is not None:
        return True
    others = (*TRAINING_METHODS, *DERIVATIVE_METHODS)
    # every class can be called, which makes an object: the objects must be callable
    own = [n for n in (*FORWARD_METHODS, *ACTIVATION_METHODS) if n != "__call__"]
    has_forward = method_among(kind, own) is not None or "__call__" in dir(kind)
    return has_forward and (backward or method_among(kind, others)) is not None


def is_abstract(kind: type) -> bool:
    """True if its passes only say that they are missing, for other classes to define."""
    if inspect.isabstract(kind):
        return True
    names = [n for n in (*FORWARD_METHODS, *BACKWARD_METHODS) if n != "__call__"]  # it calls them
    methods = [getattr(kind, name) for name in names if hasattr(kind, name)]
    own = [m for m in methods if inspect.isfunction(m)]
    return bool(own) and all(
        "NotImplementedError" in m.__code__.co_names or is_empty(m) for m in own
    )


def _constructor_arguments(kind: type, module: types.ModuleType) -> Iterator[list[Any]]:
    """Arguments to try for a class; a list of layers where it asks for layers."""
    needed = needed_arguments(kind)
    if (place := argument_for_layers(kind)) is not None:
        for layers in chains(module, kind):
            for values in arguments(kind, module):
                yield [layers if n == place else v for n, v in zip(needed, values, strict=True)]
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
