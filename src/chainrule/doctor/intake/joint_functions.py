"""Functions that give the loss together with the gradients, ``loss, dW = softmax_loss(W, X, y)``:
on guessed parameters and batches, or on those of a run."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from chainrule.doctor.intake.cases import NO_INPUT, Case, Example, first_that_runs
from chainrule.doctor.intake.observed.arrays import as_array, batches, telling
from chainrule.doctor.intake.programs import from_code
from chainrule.doctor.intake.usual.inputs import inputs
from chainrule.doctor.intake.usual.parameters import parameters_named
from chainrule.doctor.intake.usual.sizes import object_for, settings_of, strengths_of
from chainrule.doctor.numbers.examination import examine
from chainrule.doctor.subjects.program import Program
from chainrule.foreign.calls.conventions import Code
from chainrule.foreign.calls.joint import Joint, joint_of, over_its_arrays
from chainrule.foreign.errors import CannotCheckError, EndlessError, words_of
from chainrule.foreign.naming.parameter_names import stem
from chainrule.foreign.objects import state as states
from chainrule.foreign.objects.names import Names, names_in
from chainrule.foreign.observed.observing import Call, Observed
from chainrule.foreign.reading.source import returned_names
from chainrule.foreign.running.loading import functions_in, random_sources
from chainrule.foreign.running.randomness import Randomness
from chainrule.types import Shape

# --- guessed --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guess:
    """Parameters and a batch that were tried.

    Args:
        wrong: how many gradients disagree.
        fits: true if all have the sizes of their parameters.
    """

    case: Case
    wrong: int
    fits: bool


def attempt_joint(joint: Joint, module: types.ModuleType, shape: Shape | None) -> Case:
    """A function on the parameters and the batch with which most of its gradients agree.

    Args:
        shape: of the input, where it is known.
    Raises:
        CannotCheckError: it runs on nothing that was tried.
        EndlessError: it does not come to an end.
    """
    name = joint.function.__name__
    randomness = Randomness(random_sources(module))
    settings = {**settings_of(joint.function), **strengths_of(joint.function)}
    failure: Exception | None = None
    best: Guess | None = None
    for params in _parameters([n for n in joint.others if n not in settings], joint, module):
        for x, axis in inputs(name, shape, (), params):
            given: Example = {"x": x, "axis": axis}
            if best and best.fits and (x.shape[axis] == 1 or x.ndim != best.case.example["x"].ndim):
                continue  # a single example hides what is not divided by the number of examples
            try:
                program = from_code(name, joint.code(params, settings), given, randomness)
                case = Case(program, given, module, _notes(params, settings, x))
                guess = _judged(case, program)
            except EndlessError:
                raise
            except Exception as error:  # the code may raise anything on a wrong guess
                failure = failure or error
                continue
            if best is None or guess.wrong < best.wrong:
                best = guess
            if not best.wrong:
                return best.case
    if best is not None:
        return best.case
    raise CannotCheckError(
        f"it runs on nothing that was tried ({words_of(failure)}): let a run call "
        "it, and check that with --run"
    )


def _parameters(
    names: list[str], joint: Joint, module: types.ModuleType
) -> Iterator[dict[str, Any]]:
    """Arrays for the arguments that are parameters, or an object of the file for the one whose
    methods are called."""
    objects = {name: object_for(joint.function, name, module) for name in names}
    if names and all(thing is not None for thing in objects.values()):
        yield objects
    yield from parameters_named(names)


def _judged(case: Case, program: Program) -> Guess:
    """What the gradients of the case's program say of it.

    Raises:
        CannotCheckError: none is a gradient by its shape, so that the batch does not fit the
            parameters.
        Exception: what its code raises.
    """
    program.is_guessed = True
    found = examine(program)
    if found.error is not None:
        raise found.error
    given = {name: found.given(name) for name in found.truths}
    fitting = [n for n, g in given.items() if g is not None and g.size == program.values[n].size]
    if not fitting:
        raise CannotCheckError("what it returns has the shape of none of its parameters")
    return Guess(case, len(found.wrong), len(fitting) == len(given))


def _notes(params: Mapping[str, Any], settings: Mapping[str, Any], x: Any) -> list[str]:
    arrays = {
        name: value for name, value in params.items() if isinstance(value, (np.ndarray, float))
    }
    shapes = [f"{name} of shape {np.shape(value)}" for name, value in {**arrays, "x": x}.items()]
    numbers = [f"{name} = {value:g}" for name, value in settings.items()]
    return [f"{', '.join([*shapes, *numbers])} were tried, as none were given"]


# --- seen in a run --------------------------------------------------------------------------


def joint_cases(observed: Observed) -> Iterator[tuple[str, Callable[[], Case]]]:
    """The name, and what makes the case, of each function of this kind that a run has called, on
    what it was given."""
    seen = set()
    for call in observed.calls:
        if call.owner is not None or call.code in seen:
            continue
        seen.add(call.code)
        function = functions_in(observed.module_of(call.code)).get(call.name)
        joint = joint_of(function) if function is not None else None
        if joint is not None:
            yield call.name, partial(_case, joint, call, observed)
        elif function is not None:
            code = over_its_arrays(function, call.arguments, call.result)
            if code is not None:
                yield call.name, partial(_case_over_arrays, call.name, code, observed)


def _case_over_arrays(name: str, code: Code, observed: Observed) -> Case:
    program = from_code(name, code, {"x": NO_INPUT}, Randomness([]))
    return Case(program, {"x": NO_INPUT}, observed.loaded.module)


def _case(joint: Joint, call: Call, observed: Observed) -> Case:
    x, y = as_array(call.arguments.get(joint.x)), as_array(call.arguments.get(joint.y))
    if x is None or y is None:
        raise CannotCheckError("no batch was seen that goes into it")
    others = {n: v for n, v in call.arguments.items() if n not in (joint.x, joint.y)}
    params = {name: value for name, value in others.items() if states.arrays(value)}
    settings = {name: value for name, value in others.items() if name not in params}
    names = _names_with_parameters(joint, call)

    def made(given: Example) -> Case:
        code = joint.code(params, settings) if names is None else joint.code_over(names, others)
        program = from_code(call.name, code, given, Randomness([]))
        return Case(program, given, observed.loaded.module)

    case = first_that_runs(
        ({"x": telling(part), "y": targets} for part, targets in batches(x, y, y)), made
    )
    case.notes.append(f"x of shape {np.shape(case.example['x'])} is that of the run")
    return case


def _names_with_parameters(joint: Joint, call: Call) -> Names | None:
    """The names of the file, if the gradients are those of arrays among them."""
    held = vars(call.before) if isinstance(call.before, Names) else {}
    used = {name for name in names_in(call.code) if isinstance(held.get(name), np.ndarray)}
    given = {stem(name) for name in returned_names(joint.function) if name}
    return call.before if given & {stem(name) for name in used} else None
