"""What a correction may write in a function: arrays, numbers, functions and derivatives, by the
expressions that name them."""

from __future__ import annotations

import ast
import inspect
import re
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.foreign.naming.gradient_names import (
    is_derivative_flag,
    looks_like_a_gradient,
    names_derivative,
)
from chainrule.foreign.naming.roles import BACKWARD_METHODS
from chainrule.foreign.reading.expressions import text
from chainrule.rewrites.edits import Edit, Place
from chainrule.rewrites.functions import FunctionSource
from chainrule.types import Array

DERIVATIVES = (
    *("1 - {0}**2", "1 - np.tanh({0})**2"),
    *("{0} * (1 - {0})", "(1 / (1 + np.exp(-{0}))) * (1 - 1 / (1 + np.exp(-{0})))"),
    "({0} > 0)",
)
LIMIT = 24  # arrays, and elements of lists, at which derivatives are taken


class Scope:
    """A function that has run, and what its names held.

    Args:
        source: the function.
        ratios: of wrong gradients to true ones, where they are the same for every entry.
    """

    def __init__(self, source: FunctionSource, ratios: list[float] | None = None) -> None:
        self.source, self.ratios = source, ratios or []
        self.owner = source.names.get("self")

    @cached_property
    def arrays(self) -> dict[str, Array]:
        """Arrays: local ones, attributes of self, and entries of dictionaries."""
        found: dict[str, Array] = {}
        for name, value in self.source.names.items():
            if name == "self":
                for attribute, inner in vars_of(value).items():
                    found |= _arrays_in(f"self.{attribute}", inner)
            else:
                found |= _arrays_in(name, value)
        return found

    @cached_property
    def numbers(self) -> dict[str, int]:
        """Whole numbers: ``s``, ``self.stride``."""
        found = {n: v for n, v in self.source.names.items() if isinstance(v, int)}
        for name, value in vars_of(self.owner).items():
            if isinstance(value, int) and not isinstance(value, bool):
                found[f"self.{name}"] = value
        return found

    @cached_property
    def functions(self) -> list[str]:
        """Functions of the same file that take one argument, except the example."""
        return [
            name
            for name, function in self.source.neighbours().items()
            if function.__code__.co_argcount == 1 and name != "example"
        ]

    @cached_property
    def has_numpy(self) -> bool:
        """True if NumPy is called np here."""
        return self.source.functions[0].__globals__.get("np") is np

    @cached_property
    def derivatives(self) -> list[tuple[str, str]]:
        """(expression, point) for every derivative of an activation, taken at every array."""
        named = [name for name in self.functions if names_derivative(name)]
        for name, value in vars_of(self.owner).items():
            if callable(value) and names_derivative(name) and not isinstance(value, np.ndarray):
                named.append(f"self.{name}")
        named += [f"self.{name}" for name in self._own_derivatives()]
        written = [form for form in DERIVATIVES if "np." not in form or self.has_numpy]
        flagged, points, found = self._flagged(), self._points(), []
        for point in points:
            found += [(f"{name}({point})", point) for name in named]
            found += [(f"{name}({point}, {flag}=True)", point) for name, flag in flagged]
        for point in points:
            found += [(form.format(point), point) for form in written]
        return found

    def _own_derivatives(self) -> list[str]:
        """Methods of the object that are derivatives by their names: ``self.sigmoid_prime(z)``."""
        found = []
        for name in dir(type(self.owner)):
            method = inspect.getattr_static(type(self.owner), name)
            arguments = 1 if isinstance(method, staticmethod) else 2
            code = getattr(getattr(method, "__func__", method), "__code__", None)
            takes_one = code is not None and code.co_argcount == arguments
            if takes_one and names_derivative(name) and name not in BACKWARD_METHODS:
                found.append(name)
        return [name for name in found if name != getattr(self.source.node, "name", "")]

    def _flagged(self) -> list[tuple[str, str]]:
        """Functions that give their derivative where a flag is set, with the flag."""
        return [
            (name, flag)
            for name, function in self.source.neighbours().items()
            for flag in function.__code__.co_varnames[1 : function.__code__.co_argcount]
            if is_derivative_flag(flag)
        ]

    def _points(self) -> list[str]:
        """Arrays at which a derivative may be taken: those that are no gradients."""
        arrays = [
            name
            for name, value in self.arrays.items()
            if value.ndim and not looks_like_a_gradient(_last_word(name))
        ]
        return [*arrays[:LIMIT], *self._elements()]

    def _elements(self) -> list[str]:
        """Elements of lists of arrays, ``zs[-l]``, at the positions that the function uses."""
        lists = [
            name
            for name, value in self.source.names.items()
            if isinstance(value, list)
            and value
            and all(isinstance(each, np.ndarray) for each in value)
            and not looks_like_a_gradient(name)
        ]
        positions = {
            text(node.slice)
            for node in ast.walk(self.source.node)
            if isinstance(node, ast.Subscript)
            and isinstance(node.slice, (ast.Name, ast.UnaryOp, ast.BinOp))
        }
        return [f"{name}[{position}]" for name in lists for position in sorted(positions)][:LIMIT]

    def edit(self, place: Place, node: Any, advice: str, **more: Any) -> Edit:
        """The edit that puts another node at one place."""
        return Edit.at(self.source, place, node, advice, **more)


def vars_of(thing: Any) -> dict[str, Any]:
    """The attributes of an object; none of what has none."""
    return getattr(thing, "__dict__", {})


def _arrays_in(name: str, value: Any) -> dict[str, Array]:
    """An array under its name, or the arrays that are entries of a dictionary."""
    if isinstance(value, np.ndarray):
        return {name: value}
    if not isinstance(value, dict):
        return {}
    return {
        f"{name}[{key!r}]": inner
        for key, inner in value.items()
        if isinstance(inner, np.ndarray) and isinstance(key, str)
    }


def _last_word(name: str) -> str:
    words = re.findall(r"\w+", name)
    return words[-1] if words else name
