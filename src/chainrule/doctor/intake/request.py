"""From a file to what can be examined: its `example(rng)`, a class, functions."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.configurable import find_name
from chainrule.doctor.failure import is_own
from chainrule.doctor.findings import about
from chainrule.doctor.intake.cases import Case, Example
from chainrule.doctor.intake.choices import all_choices
from chainrule.doctor.intake.examples import from_example
from chainrule.doctor.intake.guessed.cells import attempt_cell
from chainrule.doctor.intake.guessed.classes import (
    attempt_class,
    attempt_optimizer,
    has_both_passes,
    is_abstract,
)
from chainrule.doctor.intake.guessed.functions import attempt_functions, passes_among
from chainrule.doctor.intake.guessed.objects import attempt_object
from chainrule.doctor.intake.joint_functions import attempt_joint
from chainrule.doctor.intake.loss_objects import predictions
from chainrule.doctor.intake.nothing_found import why_nothing_is_found
from chainrule.doctor.intake.observed.runs import watched
from chainrule.doctor.intake.unwritten import refuse_unwritten
from chainrule.errors import UnknownNameError
from chainrule.foreign.calls.calling import required
from chainrule.foreign.calls.cells import cell_of
from chainrule.foreign.calls.joint import joints_among
from chainrule.foreign.errors import CannotCheckError, EndlessError, words_of
from chainrule.foreign.naming.gradient_names import pairs_among
from chainrule.foreign.naming.roles import (
    role_of,
)
from chainrule.foreign.observed.loops import written_out
from chainrule.foreign.reading.source import string_options
from chainrule.foreign.running.loading import (
    Loaded,
    classes_in,
    functions_in,
    line_in,
    load,
    random_sources,
)
from chainrule.foreign.running.randomness import Randomness, random_like
from chainrule.seeding import generator

Attempt = tuple[str, Callable[[], Case]]

NOTHING_SHOWN = "the run has shown nothing, so it was checked as without --run"


@dataclass
class Request:
    """What the user asks to have checked.

    Args:
        file: where it is.
        class_name: a class, made by guessing unless the example has it.
        functions: the names of a function and its derivative, or of forward and backward.
        make: an expression that makes the object.
        shape: of the input.
        seed: of what is drawn.
        run: true if the file is to be run as its author would, and watched.
        beside: true if what the run has not used is checked in all files that it imports, not in
            this one alone.
    """

    file: Path | None = None
    class_name: str | None = None
    functions: tuple[str, str] | None = None
    make: str | None = None
    shape: tuple[int, ...] | None = None
    seed: int = 0
    run: bool = False
    beside: bool = False

    @property
    def file_name(self) -> str:
        """The file without its folder."""
        return Path(str(self.file)).name


def find(request: Request) -> list[Case]:
    """What a file has to be examined.

    Raises:
        CannotCheckError: there is nothing that can be run.
    """
    if request.file is None:
        raise CannotCheckError("name a file")
    is_told = bool(request.functions or request.class_name) or request.make is not None
    if request.run:
        return all_choices(_watched(request, request.file), request.file, is_told)
    loaded = load(request.file)
    is_told = is_told or _has_example(loaded.module)
    loops = [] if is_told else _training_loops(loaded)
    try:
        cases = _cases(request, loaded.module)
    except CannotCheckError as error:
        raise CannotCheckError("; ".join([str(error), *loops, *loaded.left_out])) from error
    cases[0].notes_on_file.extend(loaded.left_out)
    cases[0].unchecked.extend(loops)
    return all_choices(cases, request.file, is_told)


def _training_loops(loaded: Loaded) -> list[str]:
    """The networks that stand in training loops, which are examined in a run alone."""
    return [
        f"{loaded.place(loop.lineno)}, is a training loop: let it run under observation, with --run"
        for loop in written_out(loaded.tree)
    ]


def _watched(request: Request, file: Path) -> list[Case]:
    """What a run of the file shows; where that is nothing, what can be guessed."""
    found = watched(file, request.beside)
    failures = list(found.failures.values())
    cases = found.cases
    if not cases:
        try:
            cases = _cases(request, found.module)
        except CannotCheckError as error:
            reasons = "; ".join([*failures, *found.notes])
            raise CannotCheckError(
                f"no forward pass with its backward pass was seen in the run ({reasons}), and "
                f"without it: {error}"
            ) from error
        found.notes.append(NOTHING_SHOWN)
    cases[0].notes_on_file.extend(found.notes)
    cases[0].unchecked.extend(failures)
    return cases


def _cases(request: Request, module: types.ModuleType) -> list[Case]:
    """What is asked for, of a file that has been run."""
    if request.functions:
        return [_functions_named(*request.functions, module, request)]
    if request.make is not None:
        return [_made(request.make, module, request)]
    if request.class_name is not None:
        return [_class_named(request.class_name, module, request)]
    if _has_example(module):
        return [_example(module, request)]
    return _all_that_runs(module, request)


# --- example(rng) ---------------------------------------------------------------------------


def _has_example(module: types.ModuleType) -> bool:
    return callable(getattr(module, "example", None))


def _example(module: types.ModuleType, request: Request) -> Case:
    rng = generator(request.seed, "example")
    function = module.example
    try:
        given = function(rng) if required(function) else function()
    except Exception as error:  # the user's own code: it may raise anything
        line = line_in(error, str(module.__file__))
        raise CannotCheckError(
            f"example(rng){f', line {line},' if line else ''} raises {words_of(error)}"
        ) from None
    if not isinstance(given, dict):
        raise CannotCheckError(
            f"example(rng) returns {type(given).__name__}, not a dictionary: return "
            '{"layer": …, "x": …}'
        )
    return from_example(given, Randomness([rng, *random_sources(module)]), module)


# --- what is named --------------------------------------------------------------------------


def _made(expression: str, module: types.ModuleType, request: Request) -> Case:
    """An object as `--make` says."""
    names = {**vars(module), "np": np, "rng": generator(request.seed, "make")}
    try:
        code = compile(expression, "--make", "eval")
        thing = types.FunctionType(code, names)()
    except Exception as error:  # the user's own expression, and code
        raise CannotCheckError(f"--make {expression!r} raises {words_of(error)}") from None
    if isinstance(thing, dict):
        return from_example(thing, Randomness(random_sources(module)), module)
    return attempt_object(thing, module, request.shape)


def _class_named(name: str, module: types.ModuleType, request: Request) -> Case:
    classes = classes_in(module)
    if name not in classes:
        try:
            nearest = find_name(name, classes, "class")
        except UnknownNameError as error:
            raise CannotCheckError(f"{request.file_name}: {error}") from None
        raise CannotCheckError(
            f"{request.file_name}: no class is called {name!r}; did you mean {nearest!r}?"
        )
    if _has_example(module) and request.shape is None:
        case = _example(module, request)
        if type(case.example.get("layer")).__name__ == name:
            return case
    return attempt_class(classes[name], module, request.shape)


def _functions_named(first: str, second: str, module: types.ModuleType, request: Request) -> Case:
    functions = functions_in(module)
    for name in (first, second):
        if name not in functions:
            near = ", ".join(functions) or "none"
            raise CannotCheckError(f"there is no function {name!r}; the file's functions: {near}")
    return _function_pair(first, second, module, request)


def _function_pair(first: str, second: str, module: types.ModuleType, request: Request) -> Case:
    """An activation or loss with its derivative, or forward with backward."""
    functions = functions_in(module)
    one, other = functions[first], functions[second]
    refuse_unwritten(one, other)
    randomness = Randomness(random_sources(module))
    needed = required(one)
    if len(needed) == 2 and [role_of(name) for name in needed].count("y") == 1:
        return _loss_case(_loss_examples(one, other, request), randomness, module)
    if len(needed) == 1 and len(required(other)) == 1:
        x = random_like(np.empty(request.shape or (7, 5)), "x")
        return from_example({"function": one, "derivative": other, "x": x}, randomness, module)
    if _has_example(module):
        given = _example(module, request).example
        return from_example({**given, "forward": one, "backward": other}, randomness, module)
    if (cell := cell_of(one, other)) is not None:
        return attempt_cell(cell, module)
    return attempt_functions(one, other, module, request.shape)


def _loss_examples(one: Any, other: Any, request: Request) -> Iterator[Example]:
    """Predictions that are probabilities and targets that are classes suit every loss; as vectors,
    or else as numbers."""
    shape = request.shape or ()
    rows, columns = shape[:2] if len(shape) > 1 else (6, 4)
    classes = generator(request.seed, "targets").integers(columns, size=rows)
    given: Example = {
        "loss": one,
        "derivative": other,
        "x": predictions(rows, columns, request.seed),
    }
    yield {**given, "y": np.eye(columns)[classes]}
    yield {**given, "y": classes}


def _loss_case(
    examples: Iterator[Example], randomness: Randomness, module: types.ModuleType
) -> Case:
    """The case of the first example on which a loss can be computed; else of the first."""
    cases = [from_example(example, randomness, module) for example in examples]
    for case in cases:
        with suppress(Exception):  # the code may raise anything on targets that it does not take
            if case.subject is not None:
                case.subject.loss(case.subject.values)
                return case
    return cases[0]


# --- nothing is said ------------------------------------------------------------------------


def _all_that_runs(module: types.ModuleType, request: Request) -> list[Case]:
    """Everything in a file that can be examined without being told how."""
    cases, failures = [], []
    for name, make in _attempts(module, request):
        try:
            cases.append(make())
        except EndlessError:
            raise
        except Exception as error:  # the code may raise anything; what else there is, is checked
            if is_own(error) and not isinstance(error, CannotCheckError):
                raise
            failures.append(about(name, str(error)))
    if not cases:
        cases = [
            case
            for kind in classes_in(module).values()
            if (case := attempt_optimizer(kind, module)) is not None
        ]
    if not cases:
        raise CannotCheckError(
            failures[0]
            if failures
            else why_nothing_is_found(module, request.file_name, request.run)
        )
    cases[0].unchecked.extend(failures)
    return cases


def _are_told_which(function: Any, derivative: Any) -> bool:
    """True if a word chooses the activation, ``act(z, kind)``, and its derivative. These are no
    forward and backward pass; they are compared where a layer uses them."""
    handed = [
        [name for name in required(each) if not string_options(each, name)]
        for each in (function, derivative)
    ]
    are_told = any(string_options(derivative, name) for name in required(derivative))
    return are_told and all(len(names) == 1 for names in handed)


def _attempts(module: types.ModuleType, request: Request) -> Iterator[Attempt]:
    """What a file has that may be examined: its name, and what makes the case."""
    for kind in classes_in(module).values():
        if has_both_passes(kind) and not is_abstract(kind):
            yield kind.__name__, partial(attempt_class, kind, module, request.shape)
    functions = functions_in(module)
    pairs = [p for p in pairs_among(functions) if not _are_told_which(*map(functions.get, p))]
    for first, second in dict.fromkeys([*pairs, *passes_among(functions)]):
        yield f"{first} and {second}", partial(_function_pair, first, second, module, request)
    for joint in joints_among(functions):
        name = joint.function.__name__
        yield name, partial(attempt_joint, joint, module, request.shape)
