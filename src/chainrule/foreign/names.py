"""The names of a file as an object: its functions are methods, which read and write them."""

from __future__ import annotations

import copy
import types
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from chainrule.foreign.state import OPAQUE

LARGE = 200_000  # entries of an array that copies share, since it is data and no parameter


class Names:
    """The names that some code reads and writes, those of functions among them.

    Functions of the file look up names here. A copy has its own arrays, and its own functions.

    Args:
        held: all names, with what they hold.
        wanted: those that the code uses.
    """

    def __init__(self, held: Mapping[str, Any], wanted: Collection[str]) -> None:
        vars(self).update({name: held[name] for name in needed(held, wanted)})
        vars(self)["__builtins__"] = held.get("__builtins__", __builtins__)
        self._adopt(held)

    def _adopt(self, before: Mapping[str, Any]) -> None:
        """Have the functions that looked up names in `before` look them up here."""
        for name, value in vars(self).items():
            if isinstance(value, types.FunctionType) and value.__globals__ is before:
                made = types.FunctionType(
                    value.__code__, vars(self), name, value.__defaults__, value.__closure__
                )
                made.__kwdefaults__ = value.__kwdefaults__
                vars(self)[name] = made

    def __deepcopy__(self, memo: dict[int, Any]) -> Names:
        other = Names.__new__(Names)
        vars(other).update({name: _copy_of(value, memo) for name, value in vars(self).items()})
        other._adopt(vars(self))
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
