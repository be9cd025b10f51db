"""Objects that nobody said how to run: tried on guessed inputs until one runs."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Collection, Iterator
from functools import partial
from typing import Any

import numpy as np

from chainrule.doctor.intake.cases import NO_INPUT, Case, Example, first_that_runs
from chainrule.doctor.intake.examples import from_example, object_case
from chainrule.doctor.intake.guessed.cells import attempt_cell
from chainrule.doctor.intake.loss_objects import is_loss_object, predictions
from chainrule.doctor.intake.meanings import as_meant
from chainrule.doctor.intake.objects import cell_in, held_targets
from chainrule.doctor.intake.unwritten import refuse_unwritten_passes
from chainrule.doctor.intake.usual.inputs import inputs
from chainrule.doctor.intake.usual.layers import begins_empty
from chainrule.doctor.intake.usual.sizes import settings_of, strengths_of
from chainrule.doctor.subjects.program import Program
from chainrule.foreign.calls.calling import required
from chainrule.foreign.calls.joint import joint_method
from chainrule.foreign.errors import CannotCheckError, EndlessError, LossNeededError, words_of
from chainrule.foreign.naming.parameter_names import is_bias
from chainrule.foreign.naming.roles import BACKWARD_METHODS, FORWARD_METHODS, method_among, role_of
from chainrule.foreign.reading.source import class_source, options_of
from chainrule.foreign.running.loading import random_sources
from chainrule.foreign.running.randomness import Randomness
from chainrule.types import Array, Shape


def attempt_object(
    thing: Any, module: types.ModuleType, shape: Shape | None, shapes: Collection[Shape] = ()
) -> Case:
    """An object on the first input that both its passes take; else on one that forward takes.

    Args:
        shape: of the input, where it is known.
        shapes: with which it was made; one of them may be that of its input.
    Raises:
        CannotCheckError: it is still to be written, or runs on no input that was tried.
        EndlessError: its forward pass does not come to an end.
    """
    from chainrule.layers.base import Layer

    kind = type(thing)
    refuse_unwritten_passes(kind)
    if isinstance(thing, Layer):
        x, _ = next(_inputs(thing, shape))
        return from_example({"layer": thing, "x": x}, Randomness([]), module)
    if _holds_its_data(thing):
        return _on_its_data(thing, module)
    if (cell := cell_in(thing)) is not None:
        return attempt_cell(cell, module)
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
        case.notes = [input_tried(x), *_notes_on(_settings(thing))]
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
        f"({words_of(failure)}): give another one with --make and "
        "--shape, or with a function example(rng) in the file"
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
            f"({words_of(error)}): give --make"
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
    """Inputs of one example alone, if code is written for that and there are any; vectors first, if
    it takes the outer product of two."""
    if _takes_outer_products(thing):
        return sorted(tried, key=lambda each: np.ndim(each[0]) != 1)
    if _takes_one_example(thing) and any(1 in np.shape(x) for x, _ in tried):
        return [(x, axis) for x, axis in tried if np.shape(x)[axis : axis + 1] == (1,)]
    return tried


def _takes_one_example(thing: Any) -> bool:
    """True if a layer with a bias never sums: its code is for one example at a time."""
    attributes = getattr(thing, "__dict__", {}).items()
    has_bias = any(is_bias(n) and (isinstance(v, list) or np.size(v) > 1) for n, v in attributes)
    source = class_source(thing)
    return has_bias and bool(source) and not re.search(r"\b(sum|mean|einsum|average)\)?\(", source)


def _takes_outer_products(thing: Any) -> bool:
    """True if a layer with a vector of biases multiplies its input and dy by np.outer."""
    attributes = getattr(thing, "__dict__", {}).items()
    vectors = [name for name, v in attributes if isinstance(v, np.ndarray) and v.ndim == 1]
    has_vector = any(map(is_bias, vectors))
    return has_vector and bool(re.search(r"\bouter\(", class_source(thing)))


def _complains_of_batches(error: Exception) -> bool:
    """True if code written for one example at a time was given several."""
    return "non-broadcastable output operand" in str(error)


def input_tried(x: Array) -> str:
    return f"x of shape {np.shape(x)} was tried, as none was given"
