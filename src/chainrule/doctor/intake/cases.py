"""What is examined: code, with the example that it was made from and what is to be said of it."""

from __future__ import annotations

import copy
import inspect
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.reading.branches import Place

Example = dict[str, Any]

KEYS = (
    *("layer", "forward", "backward", "params", "loss", "function", "derivative", "of", "x", "y"),
    *("learning_rate", "predict", "axis", "optimizer", "grads"),
)

NO_INPUT = np.zeros((), int)  # of code that holds its data itself


@dataclass
class Case:
    """Something to examine.

    Args:
        subject: the code; None for an optimizer, which the example holds.
        example: what it was made from.
        module: the file, where there is one.
        notes: what was assumed, for the report.
        notes_on_file: what was done with the whole file, or happened in its run.
        unchecked: what beside it has a backward pass and could not be run, and why.
        runs: false if its backward pass raises an exception there.
        made: how its object was made, where that is known.
        choice: what differs from another case, ``activation = 'relu'``; "" if nothing does.
        newly_run: the places that it runs, and the other one does not: only they are to blame for
            what is wrong here alone.
    """

    subject: Subject | None
    example: Example = field(default_factory=dict)
    module: types.ModuleType | None = None
    notes: list[str] = field(default_factory=list)
    notes_on_file: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    runs: bool = True
    made: Made | None = None
    choice: str = ""
    newly_run: frozenset[Place] = frozenset()


@dataclass(frozen=True)
class Made:
    """How an object was made.

    Args:
        kind: its class.
        given: the arguments, by name.
    """

    kind: type
    given: dict[str, Any]

    def words(self) -> Iterator[tuple[str, str]]:
        """The words among the arguments, also those in lists, each with the argument's name."""
        for name, value in self.given.items():
            parts = value if isinstance(value, (list, tuple)) else [value]
            for word in dict.fromkeys(part for part in parts if isinstance(part, str)):
                yield name, word

    def other(self, name: str, word: str, new: str) -> Any:
        """An object that is made with another word."""
        value = self.given[name]
        changed: Any = new
        if isinstance(value, (list, tuple)):
            changed = type(value)(new if part == word else part for part in value)
        return self.kind(**{**copy.deepcopy(self.given), name: changed})


def made_with(kind: type, values: Iterable[Any], keywords: Mapping[str, Any]) -> Made | None:
    """How an object of a class was made; None where not all arguments have names."""
    signature = inspect.signature(kind)
    nameless = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.POSITIONAL_ONLY)
    if any(parameter.kind in nameless for parameter in signature.parameters.values()):
        return None
    bound = signature.bind(*values, **keywords)
    bound.apply_defaults()
    given = dict(bound.arguments)
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD:
            given |= given.pop(name)
    return Made(kind, given)


def first_that_runs(examples: Iterable[Example], make: Callable[[Example], Case]) -> Case:
    """The case of the first example on which the code runs both passes.

    Raises:
        Exception: what the code, or the making of the first case, raised.
        CannotCheckError: there is no example.
    """
    failure: Exception | None = None
    for example in examples:
        try:
            case = make(example)
            if case.subject is not None:
                case.subject.is_guessed = True
                case.subject.gradients(case.subject.values)
        except Exception as error:  # code may refuse a part of its batch
            failure = failure or error
            continue
        return case
    raise failure or CannotCheckError("no input was seen")
