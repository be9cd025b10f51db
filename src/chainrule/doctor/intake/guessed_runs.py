"""Objects and functions that nobody said how to run: tried on guessed inputs until one runs."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np

from chainrule.doctor.intake.examples import Case, Example, from_example, from_object
from chainrule.doctor.intake.usual_losses import one_hot_targets
from chainrule.doctor.intake.usual_sizes import arguments, inputs, keywords
from chainrule.doctor.subjects.program import Program
from chainrule.foreign.calling import required
from chainrule.foreign.conventions import Code
from chainrule.foreign.errors import CannotCheckError, EndlessError, LossNeededError
from chainrule.foreign.loading import functions_in, random_sources
from chainrule.foreign.parameter_names import is_bias
from chainrule.foreign.randomness import Randomness
from chainrule.foreign.roles import role_of
from chainrule.types import Array, Shape

Function = Callable[..., Any]

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
    failure: Exception | None = None
    for values in arguments(kind, functions_in(module)):
        try:
            thing = kind(*values, **keywords(kind))
        except Exception as error:  # the constructor may raise anything for a wrong guess
            failure = failure or error
            continue
        try:
            case = attempt_object(thing, module, shape)
        except LossNeededError:
            raise
        except CannotCheckError as error:
            failure = failure or error
            continue
        shown = ", ".join(getattr(v, "__name__", repr(v)) for v in values)
        case.notes.insert(0, f"made as {kind.__name__}({shown})")
        return case
    if isinstance(failure, CannotCheckError):
        raise failure
    raise CannotCheckError(
        f"{kind.__name__} cannot be made without being told how ({failure}): give --make "
        f'"{kind.__name__}(…)" and --shape'
    )


def attempt_object(thing: Any, module: types.ModuleType, shape: Shape | None) -> Case:
    """An object on the first input that both its passes take; else on one that forward takes.

    Args:
        shape: of the input, where it is known.
    Raises:
        CannotCheckError: it runs on no input that was tried.
        EndlessError: its forward pass does not come to an end.
    """
    from chainrule.layers.base import Layer

    kind = type(thing)
    if any(isinstance(value, list) and not value for value in _attributes(thing).values()):
        raise CannotCheckError(
            f"{kind.__name__} begins empty: a function example(rng) must fill it"
        )
    if isinstance(thing, Layer):
        x, _ = next(_inputs(thing, shape))
        return from_example({"layer": thing, "x": x}, Randomness([]), module)
    randomness = Randomness(random_sources(module))
    failure: Exception | None = None
    forward_only: Case | None = None
    for x, axis in _suitable(thing, list(_inputs(thing, shape))):
        example: Example = {"layer": thing, "x": x, "axis": axis}
        try:
            subject = from_object(thing, x, example, randomness, module)
        except (CannotCheckError, EndlessError):
            raise
        except Exception as error:  # the code may raise anything on an input that it cannot take
            failure = failure or error
            continue
        try:
            subject.gradients(subject.values)
        except Exception as error:  # likewise
            failure = failure or error
            if not _complains_of_batches(error):
                forward_only = forward_only or Case(subject, example, module)
            if isinstance(error, EndlessError):
                break
            continue
        return Case(subject, example, module, [_note(x)])
    if forward_only is not None:
        return forward_only
    raise CannotCheckError(
        f"{kind.__name__} runs on no input that was tried "
        f"({type(failure).__name__}: {failure}): give --make and --shape, or a function "
        "example(rng) in the file"
    )


def _attributes(thing: Any) -> Mapping[str, Any]:
    return getattr(thing, "__dict__", {})


def _inputs(thing: Any, shape: Shape | None) -> Iterator[tuple[Array, int]]:
    """Inputs to try, by what the object and its constructor's arguments are called."""
    kind = type(thing)
    try:
        names: Collection[str] = inspect.signature(kind).parameters
    except (TypeError, ValueError):
        names = ()
    return inputs(kind.__name__, shape, names)


def _suitable(thing: Any, tried: list[tuple[Array, int]]) -> list[tuple[Array, int]]:
    """Inputs of one example alone, if code is written for that and there are any."""
    if _takes_one_example(thing) and any(1 in np.shape(x) for x, _ in tried):
        return [(x, axis) for x, axis in tried if np.shape(x)[axis : axis + 1] == (1,)]
    return tried


def _takes_one_example(thing: Any) -> bool:
    """True if a layer with a bias never sums: its code is for one example at a time."""
    has_bias = any(is_bias(name) for name in _attributes(thing))
    try:
        source = inspect.getsource(type(thing))
    except (OSError, TypeError):
        return False
    return has_bias and not any(word in source for word in ("sum(", "mean(", "einsum", "average("))


def _complains_of_batches(error: Exception) -> bool:
    """True if code written for one example at a time was given several."""
    return "non-broadcastable output operand" in str(error)


def _note(x: Array) -> str:
    return f"x of shape {np.shape(x)} was tried, as none was given"


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
    functions = functions_in(module)
    makers = [f for name, f in functions.items() if MAKES_PARAMETERS.search(name)]
    attempts: list[tuple[Any, Any]] = [
        (maker, values) for maker in makers for values in arguments(maker, functions)
    ] or [(None, None)]
    failure: Exception | None = None
    for maker, values in attempts:
        for x, axis in inputs(forward.__name__, shape, ()):
            try:
                params = maker(*values) if maker else {}
                example = {"forward": forward, "backward": backward, "params": params, "x": x}
                example["axis"] = axis
                targets = _targets(forward, backward, params, x, axis)
                if targets is not None:
                    example["y"] = targets
                case = from_example(example, Randomness(random_sources(module)), module)
                if case.subject is not None:
                    case.subject.gradients(case.subject.values)
            except EndlessError:
                raise
            except Exception as error:  # the code may raise anything on a wrong guess
                failure = failure or error
                continue
            case.notes.append(_note(x))
            return case
    raise CannotCheckError(
        f"{forward.__name__} and {backward.__name__} run on nothing that was tried "
        f"({type(failure).__name__}: {failure}): write a function example(rng) that returns "
        '{"forward": …, "backward": …, "params": …, "x": …, "y": …, "loss": …}'
    )


def _targets(forward: Function, backward: Function, params: Any, x: Array, axis: int) -> Any:
    """One-hot targets in the shape of the output, where backward asks for targets."""
    if not any(role_of(name) == "y" for name in required(backward)):
        return None
    passes = lambda s: forward, lambda s: backward
    code = Code(dict(params), *passes, loss=lambda s: lambda: 0.0, is_dictionary=True)
    output = Program("", code, x, batch_axis=axis).run({"x": x}).output
    return one_hot_targets(output.shape, axis)
