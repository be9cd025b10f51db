"""From a run that was watched to what can be examined: real objects, in the state they had, on the
arrays that they were given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np

from chainrule.doctor.failure import is_own
from chainrule.doctor.intake.examples import Case, Example, from_example
from chainrule.doctor.intake.guessed_runs import as_meant
from chainrule.doctor.intake.observed_arrays import argument, extras, part_of_batch, telling
from chainrule.doctor.intake.observed_functions import function_cases
from chainrule.doctor.intake.observed_loops import loop_case
from chainrule.doctor.subjects.program import Program
from chainrule.foreign import state as states
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.loading import random_sources
from chainrule.foreign.observing import Call, Observed, modules_of, observe
from chainrule.foreign.randomness import Randomness
from chainrule.foreign.roles import (
    BACKWARD_METHODS,
    FORWARD_METHODS,
    JOINT_METHODS,
    TRAINING_METHODS,
    is_spelt_like,
)
from chainrule.types import Array

ALIKE = 4  # objects of one class that are checked


def watched_cases(file: Path) -> list[Case]:
    """What a run of a file shows to be examined.

    Raises:
        CannotCheckError: nothing that it ran can be.
    """
    observed = observe(file)
    cases, failures = _cases(observed)
    beside = list(_functions_beside(observed))
    for case in cases:
        if isinstance(case.subject, Program):
            case.subject.beside = beside
    if not cases:
        raise CannotCheckError(_why_nothing(observed, failures))
    cases[0].notes.insert(0, observed.ended or "the file was run to its end")
    cases[0].notes.extend(observed.loaded.left_out)
    cases[0].unchecked.extend(failures)
    return cases


def _functions_beside(observed: Observed) -> Iterator[FunctionType]:
    """A function of each file that the author has written besides."""
    for module in modules_of(observed):
        codes = [c.code for c in observed.calls if c.code.co_filename == module.__file__]
        for code in codes[:1]:
            yield FunctionType(code, {})


def _why_nothing(observed: Observed, failures: list[str]) -> str:
    name = Path(str(observed.loaded.module.__file__)).name
    reasons = [*failures, *observed.loaded.left_out]
    return (
        f"{name} was run, and no forward pass with its backward pass was seen"
        f"{': ' if reasons else ''}{'; '.join(reasons)}"
    )


def _cases(observed: Observed) -> tuple[list[Case], list[str]]:
    """The cases, and what was seen but could not be replayed, and why."""
    cases: list[Case] = []
    failures: dict[int, str] = {}
    seen = _objects(observed)
    covered: set[int] = set()
    count: dict[type, int] = {}
    for thing in _outermost_first(seen):
        kind = type(thing.owner)
        if id(thing.owner) in covered or count.get(kind, 0) >= ALIKE:
            continue
        try:
            cases.append(_case_of(thing, observed))
        except Exception as error:  # the code may raise anything when it is run otherwise
            if is_own(error) and not isinstance(error, CannotCheckError):
                raise
            failures[id(thing.owner)] = f"{kind.__name__}: {error}"
            continue
        count[kind] = count.get(kind, 0) + 1
        covered |= _ids_within(thing.owner)
    for make in function_cases(observed):
        try:
            cases.append(make())
        except Exception as error:  # likewise
            if is_own(error) and not isinstance(error, CannotCheckError):
                raise
            failures[len(failures)] = str(error)
    for seen_loop in observed.loops if not cases else ():
        try:
            cases.append(loop_case(seen_loop, observed))
            if seen_loop.owner is not None:  # its own method: then it has been checked
                failures.pop(id(seen_loop.owner), None)
            break
        except Exception as error:  # likewise
            if is_own(error) and not isinstance(error, CannotCheckError):
                raise
            failures[len(failures)] = f"the loop in line {seen_loop.node.lineno}: {error}"
    return cases, list(failures.values())


# --- objects --------------------------------------------------------------------------------


@dataclass
class SeenObject:
    """An object both of whose passes were seen.

    Args:
        owner: the object, as the run has left it.
        forward: the last call of its forward pass before the first backward pass.
        backward: the first call of its backward pass, or of the method that trains it.
    """

    owner: Any
    forward: Call | None
    backward: Call
    calls: list[Call] = field(default_factory=list)

    @property
    def before(self) -> Any:
        """A copy of the object as it was before."""
        return (self.forward or self.backward).before


def _objects(observed: Observed) -> list[SeenObject]:
    """The objects whose passes were seen, each with the calls that belong together."""
    by_owner: dict[int, list[Call]] = {}
    for call in observed.calls:
        if call.owner is not None:
            by_owner.setdefault(id(call.owner), []).append(call)
    found = []
    for calls in by_owner.values():
        one = _seen(calls, BACKWARD_METHODS) or _seen(calls, TRAINING_METHODS)
        joint = next((c for c in calls if is_spelt_like(c.name, JOINT_METHODS)), None)
        if one is None and joint is not None:
            one = SeenObject(joint.owner, None, joint, calls)
        if one is not None:
            found.append(one)
    return found


def _seen(calls: list[Call], names: tuple[str, ...]) -> SeenObject | None:
    """The calls of an object that belong together, if it has been called by one of the names."""
    number = next((i for i, c in enumerate(calls) if is_spelt_like(c.name, names)), None)
    if number is None:
        return None
    before = [c for c in calls[:number] if is_spelt_like(c.name, FORWARD_METHODS)]
    within = [c for c in calls[number:] if is_spelt_like(c.name, FORWARD_METHODS)]
    forward = before[-1] if before else next(iter(within), None)
    return SeenObject(calls[number].owner, forward, calls[number], calls)


def _outermost_first(seen: list[SeenObject]) -> list[SeenObject]:
    """Networks before the layers that they hold."""
    inside = {id(one.owner): _ids_within(one.owner) for one in seen}
    return sorted(seen, key=lambda one: sum(id(one.owner) in ids for ids in inside.values()))


def _ids_within(thing: Any) -> set[int]:
    """An object and all that it holds."""
    found: set[int] = set()
    left = [thing]
    while left:
        part = left.pop()
        if id(part) in found or isinstance(part, (np.ndarray, *states.OPAQUE)):
            continue
        found.add(id(part))
        left += [inner for _, inner in states.items(part)]
    return found


def _case_of(seen: SeenObject, observed: Observed) -> Case:
    """An object on what it was given."""
    if seen.before is None:
        raise CannotCheckError("it cannot be copied, so that it cannot be run again")
    failure: Exception | None = None
    for example in _examples(seen):
        module = observed.loaded.module
        try:
            case = from_example(example, Randomness(random_sources(module)), module)
            if case.subject is not None:
                case.subject.is_guessed = True
                case.subject.gradients(case.subject.values)
        except Exception as error:  # code may refuse a part of its batch
            failure = failure or error
            continue
        case.notes.append(f"x of shape {np.shape(example['x'])} is that of the run")
        return as_meant(case)
    raise failure or CannotCheckError("no input was seen")


def _examples(seen: SeenObject) -> Iterator[Example]:
    """What to run an object on: a part of the batch, where that is large, and the whole batch."""
    source = seen.forward or seen.backward
    x = argument(source, "x")
    if x is None:
        raise CannotCheckError(f"no array was seen that goes into {source.name}")
    y = _targets(seen)
    given: Example = {"layer": seen.before, **extras(seen.forward, seen.backward)}
    part = part_of_batch(x, y, source.result)
    for x_given, y_given in [part, (x, y)] if part else [(x, y)]:
        yield {**given, "x": telling(x_given), **({} if y_given is None else {"y": y_given})}


def _targets(seen: SeenObject) -> Array | None:
    """The targets, if one of the passes was handed any."""
    calls = [seen.backward, *([seen.forward] if seen.forward else [])]
    return next((y for call in calls if (y := argument(call, "y")) is not None), None)
