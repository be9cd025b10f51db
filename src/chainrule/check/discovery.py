"""From a file to what can be examined: its `example(rng)`, a class, functions."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.check.calling import required
from chainrule.check.examples import Case, Example, from_example, from_object
from chainrule.check.loading import classes_in, functions_in, line_in, load, random_sources
from chainrule.check.naming import (
    BACKWARD_METHODS,
    FORWARD_METHODS,
    TRAINING_METHODS,
    is_bias,
    role_of,
)
from chainrule.check.program import Code, LossNeededError, Program
from chainrule.check.randomness import Randomness, random_like
from chainrule.check.subject import CannotCheckError, Subject
from chainrule.configurable import find_name
from chainrule.errors import UnknownNameError
from chainrule.seeding import generator


@dataclass
class Request:
    """What the user asks to have checked."""

    file: Path | None = None
    class_name: str | None = None
    functions: tuple[str, str] | None = None
    make: str | None = None
    shape: tuple[int, ...] | None = None
    seed: int = 0


def find(request: Request) -> list[Case]:
    """What a file has to be examined.

    Raises:
        CannotCheckError: there is nothing that can be run.
    """
    if request.file is None:
        raise CannotCheckError("name a file")
    module = load(request.file)
    if request.functions:
        return [_functions_named(module, request)]
    if request.make is not None:
        return [_made(module, request)]
    has_example = callable(getattr(module, "example", None))
    if request.class_name is not None:
        return [_class(module, request)]
    if has_example:
        return [_example(module, request)]
    return guess_all(module, request)


# --- example(rng) ---------------------------------------------------------------------------


def _example(module: types.ModuleType, request: Request) -> Case:
    rng = generator(request.seed, "example")
    function = module.example
    try:
        given = function(rng) if required(function) else function()
    except Exception as error:
        line = line_in(error, str(module.__file__))
        raise CannotCheckError(
            f"example(rng){f', line {line},' if line else ''} raises "
            f"{type(error).__name__}: {error}"
        ) from None
    if not isinstance(given, dict):
        raise CannotCheckError(
            f"example(rng) returns {type(given).__name__}, not a dictionary: return "
            '{"layer": …, "x": …}'
        )
    return from_example(given, Randomness([rng, *random_sources(module)]), module)


# --- without an example ---------------------------------------------------------------------


def _made(module: types.ModuleType, request: Request) -> Case:
    """An object as `--make` says."""
    from chainrule.check.guessing import inputs

    names = {**vars(module), "np": np, "rng": generator(request.seed, "make")}
    try:
        code = compile(str(request.make), "--make", "eval")
        thing = types.FunctionType(code, names)()
    except Exception as error:
        raise CannotCheckError(
            f"--make {request.make!r} raises {type(error).__name__}: {error}"
        ) from None
    if isinstance(thing, dict):
        return from_example(thing, Randomness(random_sources(module)), module)
    shapes = inputs(type(thing).__name__, request.shape, _constructor_arguments(type(thing)))
    return _first_that_runs(thing, shapes, module)


def _constructor_arguments(kind: type) -> Mapping[str, Any]:
    try:
        return inspect.signature(kind).parameters
    except (TypeError, ValueError):
        return {}


def _first_that_runs(thing: Any, shapes: Any, module: types.ModuleType) -> Case:
    """An object on the first input that both its passes take."""
    from chainrule.layers.base import Layer

    attributes = getattr(thing, "__dict__", {})
    if any(isinstance(value, list) and not value for value in attributes.values()):
        raise CannotCheckError(
            f"{type(thing).__name__} begins empty: a function example(rng) must fill it"
        )
    if isinstance(thing, Layer):
        x = next(iter(shapes))[0]
        return from_example({"layer": thing, "x": x}, Randomness([]), module)
    randomness = Randomness(random_sources(module))
    shapes = list(shapes)
    one_example = _takes_one_example(thing) and any(1 in np.shape(x) for x, _ in shapes)
    first_error: Exception | None = None
    backward_failed: tuple[Subject, Example] | None = None
    for x, axis in shapes:
        example: Example = {"layer": thing, "x": x, "axis": axis}
        if one_example and np.shape(x)[axis : axis + 1] != (1,):
            continue
        try:
            subject = from_object(thing, x, example, randomness, module)
        except CannotCheckError:
            raise
        except Exception as error:
            first_error = first_error or error
            continue
        try:
            subject.gradients(subject.values)
        except Exception as error:
            first_error = first_error or error
            if not _complains_of_batches(error):
                backward_failed = backward_failed or (subject, example)
            continue
        notes = [f"x of shape {np.shape(x)} was tried, as none was given"]
        return Case(subject, example, module, notes)
    if backward_failed is not None:
        return Case(backward_failed[0], backward_failed[1], module)
    raise CannotCheckError(
        f"{type(thing).__name__} runs on no input that was tried "
        f"({type(first_error).__name__}: {first_error}): give --make and --shape, or a function "
        "example(rng) in the file"
    )


def _takes_one_example(thing: Any) -> bool:
    """Whether a layer with a bias never sums: its code is for one example at a time."""
    has_bias = any(is_bias(name) for name in getattr(thing, "__dict__", {}))
    try:
        source = inspect.getsource(type(thing))
    except (OSError, TypeError):
        return False
    return has_bias and not any(word in source for word in ("sum(", "mean(", "einsum", "average("))


def _complains_of_batches(error: Exception) -> bool:
    """Whether code written for one example at a time was given several."""
    return "non-broadcastable output operand" in str(error)


def _class(module: types.ModuleType, request: Request) -> Case:
    classes = classes_in(module)
    name = str(request.class_name)
    if name not in classes:
        file = Path(str(module.__file__)).name
        try:
            nearest = find_name(name, classes, "class")
        except UnknownNameError as error:
            raise CannotCheckError(f"{file}: {error}") from None
        raise CannotCheckError(f"{file}: no class is called {name!r}; did you mean {nearest!r}?")
    if callable(getattr(module, "example", None)) and request.shape is None:
        case = _example(module, request)
        if type(case.example.get("layer")).__name__ == name:
            return case
    return _guessed_class(classes[name], module, request)


def _guessed_class(kind: type, module: types.ModuleType, request: Request) -> Case:
    from chainrule.check.guessing import arguments, inputs, keywords

    known = functions_in(module)
    failure: Exception | None = None
    for values in arguments(kind, known):
        try:
            thing = kind(*values, **keywords(kind))
        except Exception as error:
            failure = failure or error
            continue
        shapes = inputs(kind.__name__, request.shape, _constructor_arguments(kind))
        try:
            case = _first_that_runs(thing, shapes, module)
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


def _functions_named(module: types.ModuleType, request: Request) -> Case:
    functions = functions_in(module)
    pair = request.functions or ("", "")
    for name in pair:
        if name not in functions:
            near = ", ".join(functions) or "none"
            raise CannotCheckError(f"there is no function {name!r}; the file's functions: {near}")
    return _function_pair(module, pair[0], pair[1], request)


def _function_pair(module: types.ModuleType, first: str, second: str, request: Request) -> Case:
    """An activation or loss with its derivative, or forward with backward."""
    functions = functions_in(module)
    one, other = functions[first], functions[second]
    randomness = Randomness(random_sources(module))
    needed = required(one)
    if [role_of(n) for n in needed].count("y") == 1 and len(needed) == 2:
        return from_example(_loss_example(one, other, request), randomness, module)
    if len(needed) == 1 and len(required(other)) == 1:
        x = random_like(np.empty(request.shape or (7, 5)), "x")
        return from_example({"function": one, "derivative": other, "x": x}, randomness, module)
    if callable(getattr(module, "example", None)):
        given = _example(module, request).example
        return from_example({**given, "forward": one, "backward": other}, randomness, module)
    return _guessed_functions(module, one, other, request)


def _loss_example(one: Any, other: Any, request: Request) -> Example:
    """Predictions that are probabilities and targets that are classes suit every loss."""
    rng = generator(request.seed, "loss")
    rows, columns = (request.shape or (6, 4))[:2] if len(request.shape or (6, 4)) > 1 else (6, 4)
    predictions = 0.8 * rng.dirichlet(np.ones(columns), size=rows) + 0.04
    targets = np.eye(columns)[rng.integers(columns, size=rows)]
    return {"loss": one, "derivative": other, "x": predictions, "y": targets}


def _guessed_functions(module: types.ModuleType, one: Any, other: Any, request: Request) -> Case:
    """forward(x, params) and backward over a dictionary that one of the file's functions makes."""
    from chainrule.check.guessing import arguments, inputs

    functions = functions_in(module)
    makers = [f for name, f in functions.items() if _makes_parameters(name)]
    attempts: list[tuple[Any, Any]] = [
        (maker, values) for maker in makers for values in arguments(maker, functions)
    ] or [(None, None)]
    failure: Exception | None = None
    for maker, values in attempts:
        for x, axis in inputs(one.__name__, request.shape, {}):
            try:
                params = maker(*values) if maker else {}
                example = {"forward": one, "backward": other, "params": params, "x": x}
                example["axis"] = axis
                targets = _targets(one, other, params, x, axis)
                if targets is not None:
                    example["y"] = targets
                case = from_example(example, Randomness(random_sources(module)), module)
                if case.subject is not None:
                    case.subject.gradients(case.subject.values)
                case.notes.append(f"x of shape {np.shape(x)} was tried, as none was given")
                return case
            except Exception as error:
                failure = failure or error
    raise CannotCheckError(
        f"{one.__name__} and {other.__name__} run on nothing that was tried "
        f"({type(failure).__name__}: {failure}): write a function example(rng) that returns "
        '{"forward": …, "backward": …, "params": …, "x": …, "y": …, "loss": …}'
    )


def _targets(one: Any, other: Any, params: Any, x: Any, axis: int) -> Any:
    """One-hot targets in the shape of the output, where backward asks for targets."""
    if not any(role_of(name) == "y" for name in required(other)):
        return None
    code = Code(dict(params), lambda s: one, lambda s: other, lambda s: lambda: 0.0, True)
    output = Program("", code, x, batch_axis=axis).run({"x": x}).output
    classes = output.shape[1 - axis]
    chosen = np.arange(output.shape[axis]) % classes
    return np.eye(classes)[chosen] if axis == 0 else np.eye(classes)[:, chosen]


def _makes_parameters(name: str) -> bool:
    import re

    return bool(re.search(r"init|make_param|create_param|get_param|build_param|params$", name))


def guess_all(module: types.ModuleType, request: Request) -> list[Case]:
    """Everything in a file that can be examined without being told how."""
    from chainrule.check.guessing import pairs_among

    file = Path(str(module.__file__)).name
    cases, failures = [], []
    for kind in classes_in(module).values():
        if not _has_both_passes(kind) or _is_abstract(kind):
            continue
        try:
            cases.append(_guessed_class(kind, module, request))
        except LossNeededError:
            raise  # a network that may be wrong must not pass unchecked
        except Exception as error:
            failures.append(f"{kind.__name__}: {error}")
    functions = functions_in(module)
    for first, second in [*pairs_among(functions), *_passes_among(functions)]:
        try:
            cases.append(_function_pair(module, first, second, request))
        except Exception as error:
            failures.append(f"{first}, {second}: {error}")
    if not cases:
        raise CannotCheckError(
            failures[0]
            if failures
            else f"{file} has nothing that is understood: no function example(rng), no class with "
            "forward and backward, no function with its derivative"
        )
    if failures:
        cases[0].notes.extend(f"not checked: {failure}" for failure in failures)
    return cases


def _has_both_passes(kind: type) -> bool:
    methods = set(dir(kind))
    return bool(methods & set(FORWARD_METHODS)) and bool(
        methods & {*BACKWARD_METHODS, *TRAINING_METHODS}
    )


def _is_abstract(kind: type) -> bool:
    """Whether its passes only say that they are missing, for other classes to define."""
    methods = [getattr(kind, n) for n in (*FORWARD_METHODS, *BACKWARD_METHODS) if hasattr(kind, n)]
    codes = [m.__code__ for m in methods if inspect.isfunction(m)]
    return bool(codes) and all(
        "NotImplementedError" in code.co_names or not (code.co_names or code.co_consts[1:])
        for code in codes
    )


def _passes_among(functions: Mapping[str, Any]) -> list[tuple[str, str]]:
    forward = next((n for n in FORWARD_METHODS[:-3] if n in functions), None)
    backward = next((n for n in BACKWARD_METHODS if n in functions), None)
    return [(forward, backward)] if forward and backward else []
