"""Functions that nobody said how to run: tried on guessed parameters and inputs."""

from __future__ import annotations

import copy
import re
import types
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import partial
from typing import Any

import numpy as np

from chainrule.doctor.intake.cases import Case
from chainrule.doctor.intake.examples import from_example
from chainrule.doctor.intake.guessed.objects import input_tried
from chainrule.doctor.intake.programs import refuse_deltas
from chainrule.doctor.intake.usual.inputs import inputs
from chainrule.doctor.intake.usual.parameters import parameter_sets
from chainrule.doctor.intake.usual.sizes import arguments, settings_asked
from chainrule.foreign.calls.calling import required
from chainrule.foreign.errors import CannotCheckError, EndlessError, words_of
from chainrule.foreign.naming.roles import (
    BACKWARD_METHODS,
    FORWARD_FUNCTIONS,
    is_backward_pass,
    is_forward_pass,
)
from chainrule.foreign.reading.source import likeliest_option, returned_names, string_options
from chainrule.foreign.running.loading import functions_in, random_sources
from chainrule.foreign.running.randomness import Randomness
from chainrule.types import Shape

Function = Callable[..., Any]

MAKES_PARAMETERS = re.compile(
    r"init|make_param|create_param|get_param|build_param|params$"  # the functions' names
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
    settings = {**settings_asked(backward, module), **settings_asked(forward, module)}
    for make in _parameters(forward, module, settings):
        try:
            params = make()
        except SystemExit:  # it reads the command line
            continue
        except Exception as error:  # what makes the parameters may raise anything
            failure = failure or error
            continue
        for x, axis in inputs(forward.__name__, shape, (), params):
            example = {"forward": forward, "backward": backward, "params": make(), "x": x}
            example |= {"axis": axis, **settings, **words}
            try:
                case = from_example(example, Randomness(random_sources(module)), module)
                if case.subject is not None:
                    case.subject.gradients(case.subject.values)
                refuse_deltas(case, forward.__name__)
            except EndlessError:
                raise
            except Exception as error:  # the code may raise anything on a wrong guess
                failure = failure or error
                continue
            case.notes.append(input_tried(x))
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
        f"({words_of(failure)}): write a function example(rng) that returns "
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


def _parameters(
    forward: Function, module: types.ModuleType, settings: Collection[str]
) -> Iterator[Callable[[], Any]]:
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
    for params in parameter_sets(forward, settings):
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
