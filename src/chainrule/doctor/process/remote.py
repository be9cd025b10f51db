"""Code in workers, as the judge sees it: numbers in, numbers out.

One worker is asked for outputs, another for gradients, and neither knows what the other is asked.
The places at which they are asked are drawn at random. So gradients and outputs agree only if the
second worker computes the gradients of what the first one computes.
"""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.doctor.subjects.subject import Answer, Subject, of_logits
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.objects.state import Values
from chainrule.foreign.running import effort
from chainrule.sandbox.messages import Message
from chainrule.sandbox.worker import Worker
from chainrule.types import Array, Shape

MOST_LINES, LONGEST_LINE = 5_000, 500


class CodeRaisesError(CannotCheckError):
    """The code raised an exception in its worker."""


@dataclass(frozen=True)
class Described:
    """One thing to examine, as a worker describes it.

    Args:
        body: its name, and what it is.
        values: the numbers that it starts from.
    """

    body: Mapping[str, Any]
    values: Values

    def is_like(self, other: Described) -> bool:
        """True if another worker describes the same."""
        shapes = [{n: np.shape(v) for n, v in each.values.items()} for each in (self, other)]
        return self.body == other.body and shapes[0] == shapes[1]


def opened(worker: Worker, request: Mapping[str, Any]) -> list[Described]:
    """What a file has to be examined, run anew in a worker.

    Raises:
        CodeRaisesError: it raises an exception.
        WorkerError: the worker does not answer.
    """
    message = asked(worker, "open", {"request": request})
    values: list[Values] = [{} for _ in message.body["cases"]]
    for key, array in message.arrays.items():
        number, _, name = key.partition(":")
        values[int(number)][name] = array
    return [Described(*each) for each in zip(message.body["cases"], values, strict=True)]


def asked(
    worker: Worker,
    call: str,
    given: Mapping[str, Any],
    arrays: Mapping[str, Array] | None = None,
) -> Message:
    """What a worker answers, if the code raises nothing.

    Raises:
        CodeRaisesError: it does.
        WorkerError: the worker does not answer.
    """
    message = worker.call(call, given, arrays)
    if "raised" in message.body:
        raise CodeRaisesError(str(message.body["raised"]))
    return message


class RemoteSubject(Subject):
    """Code of which one worker runs the forward pass and another the backward pass.

    Args:
        number: of the case.
        described: what it is.
        file: where it stands.
        forward, backward: the workers.
        rng: what draws the gradient that is handed in, unknown to both.
    """

    def __init__(
        self,
        number: int,
        described: Described,
        file: Path,
        forward: Worker,
        backward: Worker,
        rng: np.random.Generator,
    ) -> None:
        self.case = {"case": number}
        self.name, self.notes = str(described.body["name"]), []
        self.values = described.values
        self.is_guessed = bool(described.body["is_guessed"])
        self.has_cross_entropy = bool(described.body["has_cross_entropy"])
        self.runs_once = bool(described.body["runs_once"])
        self.batch = self._batch(described.body["batch"])
        self.file = file
        self.forward, self.backward = forward, backward
        output = self.output(self.values)
        self.classes = described.body["classes"]
        self.dy = self.drawn_dy(output.shape, rng) if described.body["has_dy"] else None

    def drawn_dy(self, shape: Shape, rng: np.random.Generator) -> Array:
        """A gradient to hand in, unknown to the workers."""
        dy = rng.standard_normal(shape)
        return dy if self.classes is None else of_logits(dy, int(self.classes))

    def _batch(self, claimed: Any) -> int | None:
        """The number of examples, if it can be that."""
        sizes = np.shape(self.values.get("x", ()))
        return claimed if type(claimed) is int and claimed in sizes else None

    def files(self) -> set[str]:
        """The file, if its lines are such that a search through them comes to an end soon."""
        lines = linecache.getlines(str(self.file))
        is_usual = len(lines) <= MOST_LINES and max(map(len, lines), default=0) <= LONGEST_LINE
        return {str(self.file)} if is_usual else set()

    def output(self, values: Values) -> Array:
        """What the forward pass gives, in float32 if that is all it computes with."""
        effort.add_call()
        given = asked(self.forward, "output", self.case, named("value", values))
        output = np.asarray(given.arrays["output"], np.float64)
        narrow = output.astype(np.float32)
        return narrow if np.array_equal(narrow, output, equal_nan=True) else output

    def loss(self, values: Values) -> float:
        output = self.output(values).astype(np.float64)
        return float(np.sum(output if self.dy is None else self.dy * output))

    def gradients(self, values: Values) -> Answer:
        return self._answer("gradients", values, {})

    def again(self, values: Values, before: Values) -> Answer:
        """The gradients that an object gives which was used on other numbers before."""
        return self._answer("again", values, named("before", before))

    def _answer(self, call: str, values: Values, more: Mapping[str, Array]) -> Answer:
        dy = {} if self.dy is None else {"dy": self.dy}
        given = asked(self.backward, call, self.case, {**named("value", values), **dy, **more})
        found = {name: given.arrays.get(f"gradient:{name}") for name in values}
        gradients = {n: None if each is None else np.array(each) for n, each in found.items()}
        names = {str(name): str(shown) for name, shown in given.body["names"].items()}
        updated = frozenset(map(str, given.body["updated"]))
        output = given.arrays.get("output") if self.dy is None else self.output(values)
        return Answer(gradients, names, output, self.dy, updated)


def named(which: str, values: Values) -> dict[str, Array]:
    """Values as the arrays of a message: ``value:W``."""
    return {f"{which}:{name}": np.asarray(value, np.float64) for name, value in values.items()}
