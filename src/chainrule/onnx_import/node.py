"""A node of an ONNX graph. What it says and nobody asks for would be lost: it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from chainrule.errors import ModelFileError
from chainrule.types import Array


@dataclass
class Node:
    """An operator with its attributes, and the names of what goes in and comes out."""

    operator: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    constants: Mapping[str, Array]  # all of the file
    opset: int
    batch_size: int  # how many examples the file is for; 0 for any number
    _asked: set[str] = field(default_factory=set)

    @property
    def computed(self) -> list[str]:
        """The inputs that depend on x."""
        return [name for name in self.inputs if name and name not in self.constants]

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute, or what ONNX takes where it is left out."""
        self._asked.add(name)
        return self.attributes.get(name, default)

    def expect(self, name: str, only: Any, default: Any) -> None:
        """Refuse an attribute that is not as the layer has it."""
        value = self.attribute(name, default)
        if value != only:
            self.refuse(f"has {name}={value}, and chainrule has no layer but for {name}={only}")

    def array(self, place: int) -> Array | None:
        """The constant that goes in at a place; None where it is left out."""
        name = self.inputs[place] if place < len(self.inputs) else ""
        if not name:
            return None
        self._asked.add(name)
        if name not in self.constants:
            self.refuse(f"takes {name!r}, which depends on x, where a layer has a weight")
        return self.constants[name]

    def weights(self, place: int) -> Array:
        """The constant that must go in at a place."""
        array = self.array(place)
        if array is None:
            self.refuse(f"has no input {place + 1}")
        return array

    def check_all_asked(self) -> None:
        """Refuse attributes and constants that no one has asked for."""
        given = [*self.attributes, *(name for name in self.inputs if name in self.constants)]
        ignored = [name for name in given if name not in self._asked]
        if ignored:
            self.refuse(f"has {', '.join(ignored)}, for which chainrule has nothing")

    def refuse(self, problem: str) -> NoReturn:
        """Raise an error that names the node."""
        called = f" {self.name!r}" if self.name else ""
        raise ModelFileError(f"node{called} ({self.operator}) {problem}")
