"""Passes that are still to be written: an exercise is handed in before it is done."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.naming.roles import BACKWARD_METHODS, FORWARD_METHODS, method_among
from chainrule.foreign.reading.source import is_empty


def refuse_unwritten(*functions: Callable[..., Any]) -> None:
    """Refuse functions that have no body yet.

    Raises:
        CannotCheckError: one of them is still to be written.
    """
    for function in functions:
        if is_empty(function):
            raise CannotCheckError(f"{function.__name__} is not written yet")


def refuse_unwritten_passes(kind: type) -> None:
    """Refuse a class with a pass that has no body yet.

    Raises:
        CannotCheckError: its forward or its backward pass is still to be written.
    """
    passes = [_unwritten_among(kind, names) for names in (FORWARD_METHODS, BACKWARD_METHODS)]
    unwritten = [f"{kind.__name__}.{name}" for name in passes if name]
    if unwritten:
        are = "are" if len(unwritten) > 1 else "is"
        raise CannotCheckError(f"{' and '.join(unwritten)} {are} not written yet")


def _unwritten_among(kind: type, names: Collection[str]) -> str | None:
    """The first of the names that is a method of the class, if all that are have no body."""
    found = [method_among(kind, [name]) for name in names if name != "__call__"]
    methods = {name: getattr(kind, name) for name in dict.fromkeys(found) if name}
    is_called = "__call__" in names and _computes_when_called(kind, methods)
    if not methods or is_called or not all(map(is_empty, methods.values())):
        return None
    return next(iter(methods))


def _computes_when_called(kind: type, passes: Collection[str]) -> bool:
    """True if an object that is called does something itself, and calls none of its passes."""
    code = getattr(kind.__call__, "__code__", None)
    return code is not None and not set(code.co_names) & set(passes)
