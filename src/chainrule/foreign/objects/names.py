"""The names of a file as an object: its functions are methods, which read and write them."""

from __future__ import annotations

import ast
import copy
import linecache
import types
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from types import FrameType
from typing import Any, cast

import numpy as np

from chainrule.foreign.objects.state import OPAQUE

ORIGINALS = "__functions__"  # the functions as they stand in the file
LARGE = 200_000  # entries of an array that copies share, since it is data and no parameter


class Names:
    """The names that some code reads and writes, those of functions among them.

    Functions of the file look up names here. A copy has its own arrays, and its own functions.

    Args:
        held: all names, with what they hold.
        wanted: those that the code uses.
        home: where the functions of the file look up names, if not in `held` itself.
    """

    def __init__(
        self,
        held: Mapping[str, Any],
        wanted: Collection[str],
        home: Mapping[str, Any] | None = None,
    ) -> None:
        home = held if home is None else home
        names = needed(held, wanted)
        vars(self).update({name: held[name] for name in names})
        vars(self)["__builtins__"] = held["__builtins__"]
        vars(self)[ORIGINALS] = {
            name: value
            for name in names
            if isinstance(value := held[name], types.FunctionType) and value.__globals__ is home
        }
        self._adopt()

    def _adopt(self) -> None:
        """Have the functions of the file look up names here, with the code that they have now."""
        for name, value in vars(self)[ORIGINALS].items():
            made = types.FunctionType(
                value.__code__, vars(self), name, value.__defaults__, value.__closure__
            )
            made.__kwdefaults__ = value.__kwdefaults__
            vars(self)[name] = made

    def define(self, node: ast.FunctionDef, file: str) -> None:
        """Add a function, as it stands in a file."""
        module = compile(ast.Module([node], []), file, "exec")
        code = next(c for c in module.co_consts if isinstance(c, types.CodeType))
        vars(self)[ORIGINALS][node.name] = types.FunctionType(code, vars(self), node.name)
        self._adopt()

    def __deepcopy__(self, memo: dict[int, Any]) -> Names:
        other = Names.__new__(Names)
        vars(other).update({name: _copy_of(value, memo) for name, value in vars(self).items()})
        other._adopt()
        return other


def names_at(frame: FrameType, wanted: Collection[str]) -> Names:
    """The names that code uses where a frame runs: those of its file and its own, and those of the
    function around it. Functions that stand within another one look them up here, too."""
    held = {**frame.f_globals, **names_around(frame), **frame.f_locals}
    names = Names(held, wanted, frame.f_globals)
    made = copy.deepcopy(names)
    inner = {n: f for n, f in vars(names).items() if getattr(f, "__closure__", None)}
    for name, function in inner.items():
        node = _node_of(function, name)
        if node is not None:
            made.define(node, function.__code__.co_filename)
    return made


def names_around(frame: FrameType) -> dict[str, Any]:
    """What the names of the function hold in which the one of a frame was defined."""
    outer = frame.f_back
    while outer is not None:
        if frame.f_code in outer.f_code.co_consts:
            return {**names_around(outer), **outer.f_locals}
        outer = outer.f_back
    return {}


def over_globals(node: ast.FunctionDef) -> ast.FunctionDef:
    """A copy of a function within another one, as if it stood at the top level of its file."""
    made = _OverGlobals().visit(copy.deepcopy(node))
    return cast(ast.FunctionDef, ast.fix_missing_locations(made))


class _OverGlobals(ast.NodeTransformer):
    """Has a function find among the names of its file what it finds in the function around it."""

    def visit_Nonlocal(self, node: ast.Nonlocal) -> ast.stmt:
        return ast.copy_location(ast.Global(node.names), node)


def _node_of(function: types.FunctionType, name: str) -> ast.FunctionDef | None:
    """A function within another one, over the names of its file."""
    code = function.__code__
    try:
        tree = ast.parse("".join(linecache.getlines(code.co_filename)))
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=found, lineno=line):
                if found == name and line == code.co_firstlineno:
                    return over_globals(node)
    return None


def _copy_of(value: Any, memo: dict[int, Any]) -> Any:
    is_data = isinstance(value, np.ndarray) and value.size > LARGE
    if isinstance(value, OPAQUE) or is_data:
        return value
    with suppress(Exception):  # what cannot be copied is no array, and is shared
        return copy.deepcopy(value, memo)
    return value


def needed(held: Mapping[str, Any], wanted: Collection[str]) -> set[str]:
    """The names that are wanted, and those that the functions among them use in turn."""
    found: set[str] = set()
    left = [name for name in wanted if name in held]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        if isinstance(held[name], types.FunctionType):
            left += [used for used in names_in(held[name].__code__) if used in held]
    return found


def names_in(code: types.CodeType) -> Iterator[str]:
    """The names that a code looks up outside itself, also in functions within it."""
    yield from code.co_names
    yield from code.co_freevars
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from names_in(constant)
