"""What code that is followed line by line asks of the session that follows it."""

from __future__ import annotations

import ast
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from chainrule.explain.unrolling.spelling import code_of
from chainrule.explain.unrolling.symbols import Symbol, computed
from chainrule.explain.unrolling.writer import Writer
from chainrule.layers.base import Layer


@dataclass(frozen=True)
class Arguments:
    """What a call is given."""

    positional: list[Any]
    named: dict[str, Any]

    @property
    def values(self) -> list[Any]:
        """All of them, in a row."""
        return [*self.positional, *self.named.values()]

    def hand_to(self, function: Callable[..., Any], values: Sequence[Any]) -> Any:
        """Call a function with other values in the same places."""
        count = len(self.positional)
        return function(*values[:count], **dict(zip(self.named, values[count:], strict=True)))

    def result(self, code: ast.expr, function: Callable[..., Any]) -> Any:
        """The symbol for ``code(…)``, which computes what `function` does."""
        words = [ast.keyword(name, code_of(value)) for name, value in self.named.items()]
        call = ast.Call(code, [code_of(value) for value in self.positional], words)
        return computed(call, lambda *values: self.hand_to(function, values), *self.values)


class Following(ABC):
    """A session, as those see it that follow single statements, expressions and calls.

    Args:
        writer: where the lines go.
        layer: the layer whose code is followed.
        place: what errors call it.
        number: of the layer, for names; None within a function that stands above the program.
    """

    writer: Writer
    layer: Layer
    place: str
    number: int | None

    @abstractmethod
    def follow(
        self, function: Callable[..., Any], positional: list[Any], named: dict[str, Any]
    ) -> Any:
        """Follow a function line by line and return its result."""

    @abstractmethod
    def call(self, function: Any, given: Arguments) -> Any:
        """What ``function(…)`` is worth."""

    @abstractmethod
    def call_method(self, owner: Any, name: str, given: Arguments) -> Any:
        """What ``owner.name(…)`` is worth, where the owner is an array."""

    @abstractmethod
    def assign(self, name: str, value: Symbol) -> Symbol:
        """A line that gives `value` a name."""

    @abstractmethod
    def writing(self, writer: Writer) -> AbstractContextManager[None]:
        """What is followed meanwhile becomes lines of another function."""

    @abstractmethod
    def forward(self, layer: Layer, x: Any, training: Any = False) -> tuple[Any, Any]:
        """Write a layer's forward pass; its output, and what its backward pass needs."""

    @abstractmethod
    def backward(self, layer: Layer, dy: Any, kept: Any) -> Any:
        """Write a layer's backward pass; the gradient of its input."""

    @abstractmethod
    def attribute(self, layer: Layer, name: str) -> Any:
        """``layer.name``."""

    @abstractmethod
    def is_gradient(self, layer: Layer, name: str) -> bool:
        """True if ``layer.name`` is the gradient of a parameter."""

    @abstractmethod
    def begin_gradient(self, layer: Layer, name: str, index: Any, value: Any) -> bool:
        """The first time that something is added to a gradient, which is zero until then: where
        all of it is filled, adding is assigning, and that is written here."""

    @abstractmethod
    def add_to_gradient(self, layer: Layer, name: str, value: Any) -> None:
        """``layer.dname += value``."""
