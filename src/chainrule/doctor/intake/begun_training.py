"""Trainings that a file defines and never starts: started on data that is made up."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np

from chainrule.doctor.intake.usual.sizes import arguments, keywords, needed_arguments
from chainrule.foreign.calls.calling import optional, required
from chainrule.foreign.naming.roles import FORWARD_METHODS, method_among, role_of
from chainrule.foreign.observed.loops import training_loops
from chainrule.foreign.observed.observing import Beginning
from chainrule.foreign.reading.source import tree_of
from chainrule.foreign.running.loading import classes_in, functions_in
from chainrule.foreign.running.randomness import random_like
from chainrule.types import Array

FITTING_METHODS = ("fit", "train", "train_model", "training")
FEATURES = (4, 2, 3)
CLASSES = (0, 1, 2, 1, 0, 2)
BATCH_SIZE = re.compile(r"(mini_?)?batch(_?size)?|bs")
Data = tuple[Array, Array]


class Targets(np.ndarray[Any, Any]):
    """Made-up targets, which go with arrays of their own shape alone: those that NumPy would spread
    over an output of another shape are not what the code is written for."""

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **others: Any) -> Any:
        is_by_entry = method == "__call__" and ufunc is not np.matmul
        for each in inputs if is_by_entry else ():
            if np.ndim(each) and np.shape(each) != self.shape:
                raise ValueError(f"targets of shape {self.shape} do not fit {np.shape(each)}")
        plain = [np.asarray(each) if isinstance(each, Targets) else each for each in inputs]
        return getattr(ufunc, method)(*plain, **others)


def beginnings(module: types.ModuleType) -> Iterator[Beginning]:
    """What trains in a file by itself, once it is handed data: methods ``fit(X, y)``, functions
    with a training loop."""
    for kind in classes_in(module).values():
        name = method_among(kind, FITTING_METHODS)
        if name is not None and _takes_data(getattr(kind, name)):
            for x, y in _data():
                start = partial(_fit, kind, name, x, y, module)
                yield _said(f"{kind.__name__}.{name}", x, y), start
    for name, function in functions_in(module).items():
        if _takes_data(function) and _holds_a_loop(function):
            for x, y in _data():
                yield _said(name, x, y), partial(_call, function, x, y, module)


def beginnings_at(line: int, module: types.ModuleType) -> Iterator[Beginning]:
    """What starts the function that a line of a file stands in."""
    for name, function in functions_in(module).items():
        lines = [each for _, _, each in function.__code__.co_lines() if each]
        if _takes_data(function) and min(lines) <= line <= max(lines):
            for x, y in _data():
                yield _said(name, x, y), partial(_call, function, x, y, module)


def _takes_data(function: Callable[..., Any]) -> bool:
    return {"x", "y"} <= {role_of(name) for name in required(function)}


def _holds_a_loop(function: Callable[..., Any]) -> bool:
    tree = tree_of(function)
    return tree is not None and next(iter(training_loops(tree)), None) is not None


def _said(name: str, x: Array, y: Array) -> str:
    return f"{name} was called with made-up x of shape {x.shape} and y of shape {y.shape}"


def _data() -> Iterator[Data]:
    """Inputs with targets: examples as rows, then as columns; vectors of classes, then numbers."""
    classes = np.array(CLASSES)
    vectors, column = np.eye(3)[classes], np.minimum(classes, 1.0).reshape(-1, 1)
    for features in FEATURES:
        x = random_like(np.empty((len(classes), features)), "x")
        for y in (vectors, column, classes, np.minimum(classes, 1)):
            yield x, y.view(Targets)
        for y in (vectors, column):
            yield x.T.copy(), y.T.copy().view(Targets)


def _fit(kind: type, name: str, x: Array, y: Array, module: types.ModuleType) -> None:
    """Make an object, and have it trained.

    Raises:
        ValueError: its output has not the shape of the targets.
        Exception: what the code raises.
    """
    thing = kind(*next(arguments(kind, module)), **keywords(kind, module))
    forward = method_among(thing, FORWARD_METHODS)
    if forward is not None:
        output: Any = None
        with suppress(Exception):  # it may need what the training makes
            output = getattr(thing, forward)(x.copy())
        if isinstance(output, np.ndarray) and output.ndim == y.ndim and output.shape != y.shape:
            raise ValueError(f"{output.shape} is not {y.shape}")
    _call(getattr(thing, name), x, y, module)


def _call(function: Callable[..., Any], x: Array, y: Array, module: types.ModuleType) -> None:
    """Call what trains, with data for all its arguments that ask for some."""
    values = next(arguments(function, module))
    data = {"x": x, "y": y}
    sizes = {name for name, default in optional(function).items() if type(default) is int}
    function(
        *(
            data[role].copy() if (role := role_of(name)) in data else value
            for name, value in zip(needed_arguments(function), values, strict=True)
        ),
        **{name: len(CLASSES) for name in sizes if BATCH_SIZE.fullmatch(name.lower())},
    )
