"""What a second call gives: gradients that are stale, add up, or are wiped out."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from chainrule.doctor.findings import Finding
from chainrule.doctor.subjects.lines import line_assigning, line_of_condition
from chainrule.doctor.subjects.program import Program
from chainrule.doctor.subjects.subject import Answer, shown
from chainrule.foreign.objects import state as states
from chainrule.foreign.objects.state import Values
from chainrule.foreign.reading.source import source_of
from chainrule.foreign.running.randomness import random_like
from chainrule.types import Array

NOISE = 1e-10
ZEROING = (
    *("zero_grad", "zero_grads", "zero_gradients", "reset_grad", "reset_grads", "clear_grad"),
    *("clear_grads", "zero_gradient", "clear_gradients", "reset_gradients", "zerograd"),
)


def second_call(subject: Program) -> list[Finding]:
    """Forward and backward twice with the same object: other numbers in, then the same again."""
    if subject.runs_once:
        return []
    other = _other_values(subject)
    try:
        state = subject.fresh_state(subject.values)
        first = again(subject, state, subject.values)
        second = again(subject, state, other)
        alone = subject.gradients(other)
    except Exception:  # user code: what it raises was found before
        return []
    names = [n for n in alone.gradients if alone.gradients[n] is not None]
    stale = []
    for name in names:
        one, two, right = (a.gradients.get(name) for a in (first, second, alone))
        if two is None or right is None or one is None or np.shape(two) != np.shape(right):
            continue
        if not alike(two, right) and not alike(two, right + one):
            stale.append(name)
    if stale and not subject.is_random():
        return [
            Finding(
                shown(alone, stale[-1]),
                "stale-cache",
                True,
                "right after the first forward pass, wrong after the second: it still depends on "
                f"what the first one left{_likewise(alone, stale[:-1])}",
                line_of_condition(subject),
                "store what backward needs anew in every forward pass",
            )
        ]
    return accumulation(subject, names)


def _other_values(subject: Program) -> Values:
    """The same parameters with another input, where the code uses it."""
    if "x" not in subject.values or not _uses_x(subject):
        return dict(subject.values)
    x = subject.values["x"]
    return {**subject.values, "x": -x + 0.3 * random_like(x, "second call")}


def _uses_x(subject: Program) -> bool:
    """True if the loss depends on the input."""
    moved = {**subject.values, "x": subject.values["x"] + 1.0}
    return subject.loss(moved) != subject.loss(subject.values)


def again(subject: Program, state: Any, values: Values) -> Answer:
    """Both passes on an object that has been used."""
    for name, path in subject.paths.items():
        if name in values:
            states.write(state, path, values[name])
    _rewind(state, subject.code.state)
    done = subject.run(values, state)
    answer = subject.backward(done, values)
    copies = {n: None if g is None else np.array(g) for n, g in answer.gradients.items()}
    return Answer(copies, answer.names, answer.output, answer.dy)


def _rewind(state: Any, pristine: Any) -> None:
    """Put the generators that an object keeps back to where they began."""
    for now, then in zip(_generators(state), _generators(pristine), strict=False):
        now.bit_generator.state = then.bit_generator.state


def _generators(part: Any, depth: int = 4) -> Iterator[np.random.Generator]:
    """The generators within an object, down to a depth."""
    if isinstance(part, np.random.Generator):
        yield part
    elif depth and not isinstance(part, (np.ndarray, *states.OPAQUE)):
        for _, inner in states.items(part):
            yield from _generators(inner, depth - 1)


def alike(one: Array, other: Array) -> bool:
    """True if two runs gave the same, up to rounding."""
    if not (np.isfinite(one).all() and np.isfinite(other).all()):
        return np.array_equal(np.isfinite(one), np.isfinite(other))
    scale = max(float(np.abs(one).max(initial=0)), float(np.abs(other).max(initial=0)))
    return bool(np.abs(one - other).max(initial=0) <= 1e-7 * scale + 1e-12)


def accumulation(subject: Program, names: list[str]) -> list[Finding]:
    """Gradients that add up over calls, or do not, where the code's convention says otherwise."""
    state = subject.fresh_state(subject.values)
    first = again(subject, state, subject.values)
    second = again(subject, state, subject.values)
    adding, assigned = [], []
    for name in names:
        one, two = first.gradients.get(name), second.gradients.get(name)
        if one is None or two is None or one.shape != two.shape:
            continue
        if not NOISE <= np.abs(one).max(initial=0) < np.inf:  # as of a bias before a normalization
            continue
        if alike(two, 2 * one):
            adding.append(name)
        elif alike(two, one):
            assigned.append(name)
    parameters_assigned = [n for n in assigned if n != "x"]
    if _zeroing(state):
        zeroed = _set_to_zero(state, {n: second.gradients[n] for n in parameters_assigned})
        wiped_out = [n for n in zeroed if not _is_appended(shown(first, n), subject)]
        return [_overwritten(first, wiped_out, subject)] if wiped_out else []
    if not parameters_assigned and not subject.code.is_dictionary:
        adding = [n for n in adding if n == "x"]  # for the parameters adding is the convention
    return [_accumulated(first, adding, subject)] if adding else []


def _is_appended(gradient: str, subject: Program) -> bool:
    """True if a gradient is an element of a list to which backward passes append theirs."""
    holder, _, place = gradient.rpartition(".")
    appends = re.compile(rf"\b{re.escape(holder.rpartition('.')[2])}\.append\(")
    return place.isdigit() and any(appends.search(source_of(file)) for file in subject.files())


def _zeroing(state: Any) -> list[Callable[[], Any]]:
    """The methods that set gradients to zero by their names: of the object, or of parts of it."""
    parts = [state, *(inner for _, inner in states.items(state))]
    for part in list(parts):
        if isinstance(part, (list, tuple)):
            parts += list(part)
    return [m for p in parts for n in ZEROING if callable(m := getattr(p, n, None))]


def _set_to_zero(state: Any, gradients: Mapping[str, Array | None]) -> list[str]:
    """The gradients of an object that these methods touch: one that it inherits may do nothing."""
    state = copy.deepcopy(state)
    held = {n: g for n, g in gradients.items() if g is not None and _holds(state, g)}
    for method in _zeroing(state):
        with suppress(Exception):  # user code: it may ask for what nobody knows
            method()
    return [name for name, gradient in held.items() if not _holds(state, gradient)]


def _holds(state: Any, gradient: Array) -> bool:
    """True if a gradient is kept within an object."""
    return any(
        array.size == gradient.size and alike(array.ravel(), gradient.ravel())
        for array in states.arrays(state).values()
    )


def _overwritten(answer: Answer, names: list[str], subject: Program) -> Finding:
    return Finding(
        shown(answer, names[-1]),
        "overwrites",
        True,
        "the second backward pass wipes out what the first one found, although there is a method "
        f"that sets gradients to zero{_likewise(answer, names[:-1])}",
        line_assigning(subject, shown(answer, names[-1])),
        "add with `+=`",
    )


def _accumulated(answer: Answer, names: list[str], subject: Program) -> Finding:
    return Finding(
        shown(answer, names[-1]),
        "accumulates",
        True,
        "after a second backward pass it is twice the gradient, and nothing sets it to zero"
        f"{_likewise(answer, names[:-1])}",
        line_assigning(subject, shown(answer, names[-1])),
        "assign with `=`, or set it to zero before each backward pass",
    )


def _likewise(answer: Answer, names: list[str]) -> str:
    return f"; likewise {', '.join(shown(answer, n) for n in names)}" if names else ""
