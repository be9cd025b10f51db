"""What a function has at hand: arrays, numbers and functions, by the expressions that name them."""

from __future__ import annotations

import ast
import re
from typing import Any

import numpy as np

from chainrule.foreign.expressions import text
from chainrule.foreign.gradient_names import (
    is_derivative_flag,
    looks_like_a_gradient,
    names_derivative,
)
from chainrule.rewrites.functions import FunctionSource
from chainrule.types import Array

DERIVATIVES = (
    *("1 - {0}**2", "1 - np.tanh({0})**2"),
    *("{0} * (1 - {0})", "(1 / (1 + np.exp(-{0}))) * (1 - 1 / (1 + np.exp(-{0})))"),
    "({0} > 0)",
)
LIMIT = 24  # arrays, and elements of lists, at which derivatives are taken


def variables(source: FunctionSource) -> dict[str, Array]:
    """Arrays: local ones, attributes of self, and entries of dictionaries."""
    found: dict[str, Array] = {}
    for name, value in source.names.items():
        if isinstance(value, np.ndarray):
            found[name] = value
        elif isinstance(value, dict):
            for key, inner in value.items():
                if isinstance(inner, np.ndarray) and isinstance(key, str):
                    found[f"{name}[{key!r}]"] = inner
        elif name == "self":
            for attribute, inner in getattr(value, "__dict__", {}).items():
                if isinstance(inner, np.ndarray):
                    found[f"self.{attribute}"] = inner
                if isinstance(inner, dict):
                    for key, part in inner.items():
                        if isinstance(part, np.ndarray) and isinstance(key, str):
                            found[f"self.{attribute}[{key!r}]"] = part
    return found


def whole_numbers(source: FunctionSource) -> dict[str, Any]:
    """Whole numbers: ``s``, ``self.stride``."""
    found = {n: v for n, v in source.names.items() if isinstance(v, int)}
    owner = source.names.get("self")
    for name, value in getattr(owner, "__dict__", {}).items():
        if isinstance(value, int) and not isinstance(value, bool):
            found[f"self.{name}"] = value
    return found


def own_functions(source: FunctionSource) -> list[str]:
    """Functions of the same file that take one argument, except the example."""
    return [
        name
        for name, function in source.neighbours().items()
        if function.__code__.co_argcount == 1 and name != "example"
    ]


def has_numpy(source: FunctionSource) -> bool:
    """Whether NumPy is called np here."""
    return source.functions[0].__globals__.get("np") is np


def derivatives(source: FunctionSource) -> list[tuple[str, str]]:
    """(expression, point) for every derivative of an activation, taken at every array."""
    named = [name for name in own_functions(source) if names_derivative(name)]
    owner = source.names.get("self")
    for name, value in getattr(owner, "__dict__", {}).items():
        if callable(value) and names_derivative(name) and not isinstance(value, np.ndarray):
            named.append(f"self.{name}")
    written = [form for form in DERIVATIVES if "np." not in form or has_numpy(source)]
    flagged, points, found = _flagged(source), _points(source), []
    for point in points:
        found += [(f"{name}({point})", point) for name in named]
        found += [(f"{name}({point}, {flag}=True)", point) for name, flag in flagged]
    for point in points:
        found += [(form.format(point), point) for form in written]
    return found


def _flagged(source: FunctionSource) -> list[tuple[str, str]]:
    """Functions that give their derivative when a flag is set: ``sigmoid(x, derivative=True)``."""
    return [
        (name, flag)
        for name, function in source.neighbours().items()
        for flag in function.__code__.co_varnames[1 : function.__code__.co_argcount]
        if is_derivative_flag(flag)
    ]


def _points(source: FunctionSource) -> list[str]:
    """Arrays at which a derivative may be taken: those that are no gradients."""
    arrays = [
        name
        for name, value in variables(source).items()
        if value.ndim and not looks_like_a_gradient(_last_word(name))
    ]
    return [*arrays[:LIMIT], *_elements(source)]


def _elements(source: FunctionSource) -> list[str]:
    """Elements of lists of arrays, ``zs[-l]``, at the positions that the function uses."""
    lists = [
        name
        for name, value in source.names.items()
        if isinstance(value, list)
        and value
        and all(isinstance(each, np.ndarray) for each in value)
        and not looks_like_a_gradient(name)
    ]
    positions = {
        text(node.slice)
        for node in ast.walk(source.node)
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, (ast.Name, ast.UnaryOp, ast.BinOp))
    }
    return [f"{name}[{position}]" for name in lists for position in sorted(positions)][:LIMIT]


def _last_word(name: str) -> str:
    words = re.findall(r"\w+", name)
    return words[-1] if words else name
