"""What the doctor examines: a loss as a function of named arrays, and the gradients that the code
gives for them.

Code of every style becomes a `Subject`. `values` are the arrays that can be moved: the input and
the parameters. `loss(values)` runs the forward pass on a fresh copy of everything, so that nothing
remembered from one run reaches the next; `gradients(values)` runs forward and backward.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.foreign.objects.state import Values
from chainrule.foreign.reading.source import files_of
from chainrule.types import Array


@dataclass
class Answer:
    """What a backward pass gave.

    Args:
        gradients: by the name of the value each belongs to; None where none was found.
        names: what the code calls each gradient.
        output: what the forward pass gave.
        dy: the gradient of the output that was handed in, if any.
        updated: the values whose gradient is what an update did to them.
    """

    gradients: dict[str, Array | None]
    names: dict[str, str] = field(default_factory=dict)
    output: Array | None = None
    dy: Array | None = None
    updated: frozenset[str] = frozenset()


class Subject(ABC):
    """Code under examination.

    Args:
        name: what it is called in its file.
        values: where it is examined; may be moved.
        batch: the number of examples, None where there are none.
        learning_rate: for code that updates its own weights.
        notes: what was assumed, for the report.
        is_guessed: true if the doctor chose what it runs on: its sizes, its input.
        is_assumed: true if it rests on a loss or targets that no gradient speaks for.
        has_cross_entropy: true if its file has something called so.
        has_loss: false if nothing in its file is called as a loss.
        classes: the axis of the classes, if the gradient that is handed in is that of the logits of
            a softmax at the end, and not that of the output.
        runs_once: true if it is no code that is called again with other numbers, as a loop's body.
        is_own: true for chainrule's own layers and networks.
        unchecked: what should have a gradient and cannot be compared, and why.
    """

    name: str
    values: Values
    batch: int | None = None
    learning_rate: float = 0.0
    notes: list[str]
    unchecked: Sequence[str] = ()
    is_guessed: bool = False
    is_assumed: bool = False
    has_cross_entropy: bool = False
    has_loss: bool = True
    classes: int | None = None
    runs_once: bool = False
    is_own: bool = False

    @abstractmethod
    def loss(self, values: Values) -> float:
        """The number whose gradients are asked for."""

    @abstractmethod
    def gradients(self, values: Values) -> Answer:
        """What the code gives; whatever it raises passes through."""

    def names(self) -> dict[str, str]:
        """What gradients are called, for those whose names are known before the code runs."""
        return {}

    def is_random(self) -> bool:
        """True if the forward pass draws random numbers."""
        return False

    def functions(self) -> list[Callable[..., Any]]:
        """Functions in whose files the source to be mended stands."""
        return []

    def files(self) -> set[str]:
        """Those files."""
        return files_of(self.functions())

    def narrowed(self, examples: int) -> Subject | None:
        """The same code on fewer examples, where that is possible."""
        return None

    def only(self, example: int) -> Callable[[Values], float] | None:
        """The loss with one example's share alone, where shares can be told apart."""
        return None


def shown(answer: Answer, name: str) -> str:
    """What a gradient is called in the report: as the code calls it."""
    return answer.names.get(name) or f"d{name}"


def of_logits(dy: Array, classes: int) -> Array:
    """A gradient as a softmax with its loss hands it on: it sums to zero over the classes.

    >>> of_logits(np.array([[3.0, 1.0]]), 1)
    array([[ 1., -1.]])
    """
    return np.asarray(dy - dy.mean(axis=classes, keepdims=True))
