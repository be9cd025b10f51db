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
from chainrule.foreign.reading.expressions import expression, name_called, text
from chainrule.foreign.running.watching import LocalNames
from chainrule.rewrites.edits import Edit, Place
from chainrule.rewrites.forward_factors import Factor, NameInBackward, factors_of
from chainrule.rewrites.functions import FunctionSource
from chainrule.types import Array

DERIVATIVES = (
    *("1 - {0}**2", "1 - np.tanh({0})**2"),
    *("{0} * (1 - {0})", "(1 / (1 + np.exp(-{0}))) * (1 - 1 / (1 + np.exp(-{0})))"),
    "({0} > 0)",
)
SLOPED = "np.where({{0}} > 0, 1, {slope})"
SLOPES = 3  # of a forward pass
LIMIT = 24  # arrays, and elements of lists, at which derivatives are taken
FACTORS = 12  # of the forward pass


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
        held = _held(self.source.names)
        return {name: value for name, value in held.items() if isinstance(value, np.ndarray)}

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
        forms = (*DERIVATIVES, *(SLOPED.format(slope=slope) for slope in self._slopes()))
        written = [form for form in forms if "np." not in form or self.has_numpy]
        flagged, points, found = self._flagged(), self._points(), []
        for point in points:
            found += [(f"{name}({point})", point) for name in named]
            found += [(f"{name}({point}, {flag}=True)", point) for name, flag in flagged]
        for point in points:
            found += [(form.format(point), point) for form in written]
        return found

    def _slopes(self) -> list[str]:
        """What a forward pass that tells cases apart multiplies by: slopes, perhaps."""
        nodes = [node for each in self.source.forward for node in ast.walk(each.node)]
        if not any(name_called(node) in ("where", "maximum") for node in nodes):
            return []
        return [factor.code for factor in self.forward_factors if not factor.divides][:SLOPES]

    @cached_property
    def forward_factors(self) -> list[Factor]:
        """What the forward pass multiplies and divides by; masks, which have a rule of their own,
        left out."""
        found = [
            factor
            for each in self.source.forward
            if type(each.names.get("self", self.owner)) is type(self.owner)
            for factor in factors_of(each.node, self._name_of(each.names))
        ]
        return list(dict.fromkeys(found))[:FACTORS]

    def _name_of(self, names: LocalNames) -> NameInBackward:
        """What this function calls a value that a forward function knows by one of `names`: the
        same, if it holds the same, or another name of that array."""
        of_file = _held(self.source.functions[0].__globals__)
        there, here = of_file | _held(names), of_file | _held(self.source.names)

        def name(node: ast.expr) -> ast.expr | None:
            own = text(node)
            value = there.get(own)
            if value is None or is_mask(own, value):
                return None
            same = [n for n, other in here.items() if _is_equal(value, other)]
            if own in same:
                return node
            return expression(same[0]) if same and np.ndim(value) else None

        return name

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


def _held(names: LocalNames) -> dict[str, Array | float]:
    """Arrays and numbers by the expressions that name them: local ones, attributes of self, and
    entries of dictionaries."""
    found: dict[str, Array | float] = {}
    for name, value in names.items():
        if name == "self":
            for attribute, inner in vars_of(value).items():
                found |= _held_in(f"self.{attribute}", inner)
        else:
            found |= _held_in(name, value)
    return found


def _held_in(name: str, value: Any) -> dict[str, Array | float]:
    """An array or number under its name, or those that are entries of a dictionary."""
    if _is_numeric(value):
        return {name: value}
    if not isinstance(value, dict):
        return {}
    return {
        f"{name}[{key!r}]": inner
        for key, inner in value.items()
        if _is_numeric(inner) and isinstance(key, str)
    }


def _is_numeric(value: Any) -> bool:
    is_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    return is_number or isinstance(value, np.ndarray)


def _is_equal(one: Array | float, other: Array | float) -> bool:
    """True for equal numbers, or arrays of them; arrays of other arrays are never equal."""
    are_plain = all(np.asarray(each).dtype.kind != "O" for each in (one, other))
    return are_plain and np.array_equal(one, other)


def is_mask(name: str, value: Any) -> bool:
    """True if an array or number is there to keep some entries and not others."""
    return "mask" in name or np.asarray(value).dtype.kind == "b"


def _last_word(name: str) -> str:
    words = re.findall(r"\w+", name)
    return words[-1] if words else name
