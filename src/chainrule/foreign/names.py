"""The names of a file as an object: its functions are methods, which read and write them."""

from __future__ import annotations

import ast
import copy
import types
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from chainrule.foreign.state import OPAQUE

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
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from names_in(constant)
