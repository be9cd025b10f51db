"""From a run that was watched to what can be examined: real objects, in the state they had, on the
arrays that they were given."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import CellType, FunctionType, ModuleType
from typing import Any

import numpy as np

from chainrule.doctor.failure import is_own
from chainrule.doctor.intake.begun_training import beginnings, beginnings_at
from chainrule.doctor.intake.cases import NO_INPUT, Case, Example, Made, first_that_runs
from chainrule.doctor.intake.examples import object_case
from chainrule.doctor.intake.guessed.classes import attempt_class, has_both_passes, is_abstract
from chainrule.doctor.intake.guessed.functions import passes_among
from chainrule.doctor.intake.guessed.objects import attempt_object
from chainrule.doctor.intake.joint_functions import joint_cases
from chainrule.doctor.intake.meanings import as_meant
from chainrule.doctor.intake.objects import cell_in, held_targets
from chainrule.doctor.intake.observed.arrays import (
    argument,
    batches,
    extras,
    telling,
    without_zeros,
)
from chainrule.doctor.intake.observed.functions import cell_case, function_cases, pair_cases
from chainrule.doctor.intake.observed.loops import loop_case
from chainrule.doctor.intake.usual.inputs import first_weights
from chainrule.doctor.properties.repeated_calls import alike
from chainrule.doctor.subjects.program import Program
from chainrule.foreign.calls.joint import joint_method
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.naming.gradient_names import may_hold_a_gradient
from chainrule.foreign.naming.parameter_names import is_untrained
from chainrule.foreign.naming.roles import (
    BACKWARD_METHODS,
    FORWARD_METHODS,
    JOINT_METHODS,
    TRAINING_METHODS,
    is_spelt_like,
    method_among,
    role_of,
)
from chainrule.foreign.objects import state as states
from chainrule.foreign.observed.loops import names_used, written_out
from chainrule.foreign.observed.observing import (
    Call,
    Observed,
    copied,
    modules_of,
    observe,
    started,
)
from chainrule.foreign.reading.source import attributes_keeping
from chainrule.foreign.running.loading import authors_classes, classes_in, functions_in
from chainrule.types import Array

ALIKE = 4  # objects of one class that are checked


def watched(file: Path, beside: bool = False) -> Found:
    """What a run of a file shows to be examined; it may be nothing.

    Args:
        beside: true if what its other files have besides is examined, too.
    Raises:
        CannotCheckError: the file cannot be read or understood.
    """
    observed = observe(file, beginnings)
    found = _found(observed, file)
    if found.cases:
        for module in modules_of(observed) if beside else [observed.loaded.module]:
            _add_unused(found, observed, module)
    functions = list(_functions_beside(observed))
    for case in found.cases:
        if isinstance(case.subject, Program):
            case.subject.beside = functions
    found.notes += [observed.ended or "the file was run to its end", *observed.loaded.left_out]
    return found


@dataclass
class Found:
    """What a run shows.

    Args:
        cases: what can be examined.
        failures: what was seen but cannot be replayed, and why, by the object it is about.
        classes: of all that is examined.
        module: the file.
        notes: what happened in the run.
    """

    module: ModuleType
    cases: list[Case] = field(default_factory=list)
    failures: dict[object, str] = field(default_factory=dict)
    classes: set[type] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def attempt(self, key: object, name: str, make: Callable[[], Case]) -> bool:
        """Add a case, or why there is none; True if there is one."""
        try:
            self.cases.append(make())
        except Exception as error:  # the code may raise anything when it is run otherwise
            if is_own(error) and not isinstance(error, CannotCheckError):
                raise
            self.failures[key] = f"{name}: {error}"
            return False
        return True


def _found(observed: Observed, file: Path) -> Found:
    """Everything that has both passes and that the run has used."""
    found = Found(observed.loaded.module)
    _add_objects(found, observed)
    for name, make in (*function_cases(observed), *joint_cases(observed)):
        found.attempt(name, name, make)
    if not any(map(_has_weights, found.cases)):
        _add_loop(found, observed)
        _add_unreached(found, observed, file)
    for name, make in pair_cases(observed):
        found.attempt(name, name, make)
    if not found.cases:
        _add_made(found)
    return found


def _add_made(found: Found) -> None:
    """Objects with both passes that the run has made, and not trained."""
    kinds = authors_classes(found.module)
    for name, thing in list(vars(found.module).items()):
        is_network = type(thing) in kinds and has_both_passes(type(thing))
        make = partial(attempt_object, thing, found.module, None)
        if is_network and found.attempt(name, name, make):
            found.classes |= {type(part) for part in _within(thing).values()}


def _has_weights(case: Case) -> bool:
    """True if something is trained in it: it is no activation, or loss, alone."""
    values = case.subject.values if case.subject else {}
    return any(name not in ("x", "y_pred") for name in values)


def _add_objects(found: Found, observed: Observed) -> None:
    """Networks, and the layers of those that cannot be replayed as a whole; not those that one
    method trains, whose loop was seen: that shows more."""
    looping = {id(loop.owner) for loop in observed.loops}
    covered: set[int] = set()
    count: dict[type, int] = {}
    for thing in _outermost_first(_objects(observed)):
        kind, key = type(thing.owner), id(thing.owner)
        is_in_loop = key in looping and is_spelt_like(thing.backward.name, TRAINING_METHODS)
        if is_in_loop or key in covered or count.get(kind, 0) >= ALIKE:
            continue
        found.classes.add(kind)
        if found.attempt(key, kind.__name__, partial(_case_of, thing, observed)):
            count[kind] = count.get(kind, 0) + 1
            parts = _within(thing.owner)
            covered |= parts.keys()
            found.classes |= {type(part) for part in parts.values()}
    if found.cases:
        _forget_trainers(found, observed)


def _forget_trainers(found: Found, observed: Observed) -> None:
    """An object that has no forward pass only trains another one, which is examined."""
    owners = {id(call.owner): call.owner for call in observed.calls if call.owner is not None}
    for key, owner in owners.items():
        if method_among(owner, FORWARD_METHODS) is None:
            found.failures.pop(key, None)


def _add_loop(found: Found, observed: Observed) -> None:
    """The first training loop that can be replayed."""
    for seen in observed.loops:
        if found.attempt(seen, seen.name, partial(loop_case, seen, observed)):
            found.failures.pop(id(seen.owner), None)  # it stands in a method of this object
            for called in names_used(seen.node):
                found.failures.pop(called, None)
            found.classes.add(type(seen.owner))
            return


def _add_unreached(found: Found, observed: Observed, file: Path) -> None:
    """Training loops that the run did not come to: started on made-up data, where their functions
    are handed that."""
    reached = {seen.node.lineno for seen in observed.loops}
    for loop in written_out(observed.loaded.tree):
        if loop.lineno in reached:
            continue
        begun = started(observed, beginnings_at(loop.lineno, observed.loaded.module), file)
        loops = [seen for seen in begun.loops if seen.node.lineno == loop.lineno]
        if loops and found.attempt(loop, loops[0].name, partial(loop_case, loops[0], begun)):
            found.cases[-1].notes.append(begun.ended)
        elif not loops:
            place = observed.loaded.place(loop.lineno)
            found.failures[loop] = f"{place}, is a training loop that the run has not come to"


def _add_unused(found: Found, observed: Observed, module: ModuleType) -> None:
    """What a file has besides, and the run has not used: checked as without a run."""
    for name, kind in classes_in(module).items():
        is_used = any(issubclass(used, kind) for used in found.classes)
        if is_used or not has_both_passes(kind) or is_abstract(kind):
            continue
        words = f"{name}, which the run has not used"
        if found.attempt(kind, words, partial(attempt_class, kind, module, None)):
            found.cases[-1].notes.append(f"{words} so far, was checked on other numbers")
    called = {call.name for call in observed.calls}
    for forward, backward in passes_among(functions_in(module)):
        if backward not in called:
            found.failures[backward] = f"{forward}, {backward}: the run has not called them so far"


def _functions_beside(observed: Observed) -> Iterator[FunctionType]:
    """A function of each file that the author has written besides."""
    for module in modules_of(observed):
        codes = [c.code for c in observed.calls if c.code.co_filename == module.__file__]
        for code in codes[:1]:
            around = tuple(CellType() for _ in code.co_freevars)
            yield FunctionType(code, {}, closure=around)


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
        joint = next((c for c in calls if _gives_both(c)), None)
        if one is None and joint is not None:
            one = SeenObject(joint.owner, None, joint, calls)
        if one is not None:
            found.append(one)
    return found


def _gives_both(call: Call) -> bool:
    """True if a method gives the loss together with the gradients."""
    found = joint_method(call.owner)
    is_found = found is not None and found[0] == call.name
    return is_found or is_spelt_like(call.name, JOINT_METHODS)


def _seen(calls: list[Call], names: tuple[str, ...]) -> SeenObject | None:
    """The calls of an object that belong together, if it has been called by one of the names."""
    number = next((i for i, c in enumerate(calls) if is_spelt_like(c.name, names)), None)
    if number is None:
        return None
    before = [c for c in calls[:number] if is_spelt_like(c.name, FORWARD_METHODS)]
    after = [c for c in calls[number:] if is_spelt_like(c.name, FORWARD_METHODS)]
    forward = before[-1] if before else next(iter(after), None)
    if after and _runs_forward_itself(calls[number], after[0]):
        forward = after[0]
    return SeenObject(calls[number].owner, forward, calls[number], calls)


def _runs_forward_itself(backward: Call, forward: Call) -> bool:
    """True if a backward pass is handed the input, and calls the forward pass: what that was given
    before it, a whole batch to predict, say, is another input."""
    is_handed_input = any(role_of(name) == "x" for name in backward.arguments)
    return is_handed_input and forward.depth > backward.depth


def _outermost_first(seen: list[SeenObject]) -> list[SeenObject]:
    """Networks before the layers that they hold."""
    inside = {id(one.owner): _within(one.owner) for one in seen}
    return sorted(seen, key=lambda one: sum(id(one.owner) in ids for ids in inside.values()))


def _within(thing: Any) -> dict[int, Any]:
    """An object and all that it holds, by their identity."""
    found: dict[int, Any] = {}
    left = [thing]
    while left:
        part = left.pop()
        if id(part) in found or isinstance(part, (np.ndarray, *states.OPAQUE)):
            continue
        found[id(part)] = part
        left += [inner for _, inner in states.items(part)]
    return found


def _case_of(seen: SeenObject, observed: Observed) -> Case:
    """An object on what it was given."""
    if seen.before is None:
        raise CannotCheckError("it cannot be copied, so that it cannot be run again")
    if outside := _changed_between(seen):
        raise CannotCheckError(
            f"between its passes the run changes {', '.join(outside[:3])}, so that they show "
            "nothing when they are run again: let the forward pass keep it"
        )
    if seen.forward is not None and (cell := cell_in(seen.before)) is not None:
        return cell_case(cell, seen.forward, observed)
    case = first_that_runs(_examples(seen), partial(object_case, observed.loaded.module))
    x = case.example["x"]
    if np.ndim(x):
        case.notes.append(f"x of shape {np.shape(x)} is that of the run")
    case.made = _made(seen.owner, observed)
    return as_meant(case)


def _made(thing: Any, observed: Observed) -> Made | None:
    """How an object was made, if the run has shown it, with names for all arguments."""
    for call in observed.calls:
        spreads = call.code.co_flags & (inspect.CO_VARARGS | inspect.CO_VARKEYWORDS)
        if call.owner is thing and call.name == "__init__" and not spreads:
            return Made(type(thing), call.arguments)
    return None


def _changed_between(seen: SeenObject) -> list[str]:
    """The arrays that the forward pass does not leave as the backward pass found them."""
    if seen.forward is None or seen.backward.before is None:
        return []
    again, found = copied(seen.before), seen.backward.before
    try:
        with np.errstate(all="ignore"):
            getattr(again, seen.forward.name)(**seen.forward.arguments)
    except Exception:  # arguments that go by position alone: then nothing is known
        return []
    left = states.arrays(again)
    kept = attributes_keeping(getattr(again, seen.forward.name))
    return [
        states.path_end(path)
        for path, array in states.arrays(found).items()
        if path in left
        and path[0] not in kept
        and not may_hold_a_gradient(str(path[-1]))
        and not is_untrained(states.path_end(path))
        and not alike(left[path], array)
    ]


def _examples(seen: SeenObject) -> Iterator[Example]:
    """What to run an object on."""
    source = seen.forward or seen.backward
    x, y = argument(source, "x"), _targets(seen)
    if x is None:  # the object holds its data
        x, y = NO_INPUT, y if y is not None else held_targets(seen.before)
    given: Example = {"layer": seen.before, **extras(seen.forward, seen.backward)}
    has_weights = first_weights(seen.before) is not None
    for x_given, y_given in batches(x, y, source.result):
        x_told = telling(x_given) if has_weights else without_zeros(telling(x_given))
        yield {**given, "x": x_told, **({} if y_given is None else {"y": y_given})}


def _targets(seen: SeenObject) -> Array | None:
    """The targets, if one of the passes was handed any, or if the object holds them for a backward
    pass that is handed nothing."""
    calls = [seen.backward, *([seen.forward] if seen.forward else [])]
    given = next((y for call in calls if (y := argument(call, "y")) is not None), None)
    return held_targets(seen.before) if given is None and not seen.backward.arguments else given
