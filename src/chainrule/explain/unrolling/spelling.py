"""Python values as the code that writes them down."""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.explain.errors import CannotExplainError
from chainrule.explain.unrolling.symbols import Spelt, Symbol

LARGEST_CONSTANT = 400  # numbers in an array that is still written out in the program


def code_of(value: Any) -> ast.expr:
    """The expression that gives `value` in the program.

    >>> ast.unparse(code_of((3, -1.5, None, float("inf"))))
    '(3, -1.5, None, np.inf)'
    """
    if isinstance(value, Symbol):
        return value.code
    if isinstance(value, Spelt):
        return value.code
    if isinstance(value, (bool, str, type(None), type(Ellipsis))):
        return ast.Constant(value)
    if isinstance(value, (int, np.integer)):
        return _signed(int(value))
    if isinstance(value, (float, np.floating)):
        return _float(float(value))
    if isinstance(value, tuple):
        return ast.Tuple([code_of(item) for item in value], ast.Load())
    if isinstance(value, list):
        return ast.List([code_of(item) for item in value], ast.Load())
    if isinstance(value, slice):
        return call("slice", [value.start, value.stop, value.step])
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, np.dtype):
        return attribute("np", value.name)
    if isinstance(value, type) and issubclass(value, np.generic):
        return attribute("np", value.__name__)
    if value in (bool, int, float):
        return ast.Name(value.__name__, ast.Load())
    raise CannotExplainError(f"{type(value).__name__} {value!r} has no place in the program")


def call(name: str, arguments: Sequence[Any]) -> ast.Call:
    """``name(argument, …)``."""
    function: ast.expr = ast.parse(name, mode="eval").body
    return ast.Call(function, [code_of(argument) for argument in arguments], [])


def attribute(owner: str, name: str) -> ast.Attribute:
    """``owner.name``."""
    return ast.Attribute(ast.Name(owner, ast.Load()), name, ast.Load())


def index_code(index: Any) -> ast.expr:
    """What stands between square brackets, slices with colons."""
    if isinstance(index, slice):
        step = None if index.step in (None, 1) else index.step
        ends = [None if end is None else code_of(end) for end in (index.start, index.stop, step)]
        return ast.Slice(*ends)
    if isinstance(index, tuple):
        return ast.Tuple([index_code(item) for item in index], ast.Load())
    return code_of(index)


def uniform(value: Any) -> float | int | None:
    """The one number that an array holds everywhere, if there is one."""
    if not isinstance(value, np.ndarray) or not value.size or value.dtype.kind not in "fiu":
        return None
    first = value.ravel()[0].item()
    return first if bool((value == first).all()) else None


def _signed(value: int) -> ast.expr:
    return ast.Constant(value) if value >= 0 else ast.UnaryOp(ast.USub(), ast.Constant(-value))


def _float(value: float) -> ast.expr:
    if math.isnan(value):
        return attribute("np", "nan")
    magnitude = attribute("np", "inf") if math.isinf(value) else ast.Constant(abs(value))
    return ast.UnaryOp(ast.USub(), magnitude) if math.copysign(1, value) < 0 else magnitude


def _array(value: np.ndarray[Any, Any]) -> ast.expr:
    """A constant array: ``np.full(shape, 4.0)``, or its numbers where they are few."""
    same = uniform(value)
    if same is not None and value.ndim:
        return call("np.full", [value.shape, same])
    if value.size > LARGEST_CONSTANT:
        raise CannotExplainError(
            f"a constant array of {value.size:,} numbers is too much to write out: "
            "declare it with declare_buffer"
        )
    return call("np.array", [value.tolist()])
