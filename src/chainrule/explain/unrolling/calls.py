"""Calls in a layer's code: what is known is computed, NumPy is called by the program, small
functions and methods are followed into, and functions that stand alone are copied above it."""

from __future__ import annotations

import ast
import inspect
from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any

import numpy as np

from chainrule.configurable import Configurable
from chainrule.explain.errors import CannotExplainError
from chainrule.explain.unrolling import arithmetic
from chainrule.explain.unrolling.following import Arguments, Following
from chainrule.explain.unrolling.helpers import Helpers
from chainrule.explain.unrolling.spelling import code_of, uniform
from chainrule.explain.unrolling.symbols import Stand, Symbol, computed, has_symbols, in_trial
from chainrule.layers.base import Layer
from chainrule.layers.supervision import Checked

TAKE_APART = (zip, enumerate, reversed, tuple, list)
PUT_TOGETHER = (dict, slice)
ON_NUMBERS = (float, int, bool, abs, max, min, range, round)
OF_TYPES = (isinstance, hasattr, callable, type)
LIBRARIES = ("numpy", "scipy", "math")


class Calls:
    """Decides what becomes of each call."""

    def __init__(self, session: Following, helpers: Helpers) -> None:
        self.session, self.helpers = session, helpers

    def function(self, function: Any, given: Arguments) -> Any:
        """What ``function(…)`` is worth."""
        if isinstance(function, Checked):
            function = function.method
        if isinstance(function, MethodType) and _is_followed(function, given):
            return self._own_method(function, given)
        if function is sum:
            return given.hand_to(_sum, given.values)
        if function in TAKE_APART:
            made = given.hand_to(function, [_taken_apart(value) for value in given.values])
            return list(made) if function in (zip, enumerate, reversed) else made
        if function in PUT_TOGETHER or _is_method_of_container(function):
            return given.hand_to(function, given.values)
        if function in OF_TYPES:
            return given.hand_to(function, [in_trial(value, 0) for value in given.values])
        if not has_symbols(given.values):
            return given.hand_to(function, given.values)
        if function is len:
            return _length(given.positional[0])
        if function in ON_NUMBERS:
            return _on_numbers(function, given)
        if isinstance(function, BuiltinMethodType) and isinstance(function.__self__, np.ndarray):
            return self.method(function.__self__, function.__name__, given)
        if isinstance(function, MethodType):
            return self.helpers.specialise(function, given)
        if isinstance(function, FunctionType) and not _is_of_library(function):
            return self.helpers.plain_function(function, given)
        if function is np.asarray and (made := _as_array(given)) is not None:
            return made
        return given.result(self.helpers.library_name(function), function)

    def method(self, owner: Any, name: str, given: Arguments) -> Any:
        """What ``owner.name(…)`` is worth, where the owner is an array."""
        if isinstance(owner, Symbol) and name == "reshape" and _keeps_shape(owner, given):
            return owner
        if name == "astype" and uniform(owner) is not None:
            return owner.astype(in_trial(given.positional[0], 0))  # a number takes any type
        bound = Arguments([owner, *given.positional], given.named)
        words = [ast.keyword(word, code_of(value)) for word, value in given.named.items()]
        function = ast.Attribute(code_of(owner), name, ast.Load())
        call = ast.Call(function, [code_of(value) for value in given.positional], words)
        return computed(
            call,
            lambda array, *values: given.hand_to(getattr(array, name), values),
            *bound.values,
        )

    def _own_method(self, method: MethodType, given: Arguments) -> Any:
        owner, function = method.__self__, method.__func__
        is_child = isinstance(owner, Layer) and owner is not self.session.layer
        if is_child and function.__name__ in ("forward", "backward"):
            bound = inspect.signature(method).bind(*given.positional, **given.named)
            return getattr(self.session, function.__name__)(owner, *bound.arguments.values())
        return self.session.follow(function, [owner, *given.positional], given.named)


def _is_followed(method: MethodType, given: Arguments) -> bool:
    """True if a method is one of a layer, a loss, an optimizer: those are written out."""
    if isinstance(method.__self__, (Layer, Stand)):
        return True
    return isinstance(method.__self__, Configurable) and has_symbols(given.values)


def _is_method_of_container(function: Any) -> bool:
    return isinstance(function, BuiltinMethodType) and isinstance(
        function.__self__, (list, dict, tuple, set, str)
    )


def _is_of_library(function: FunctionType) -> bool:
    """True if a function written in Python belongs to NumPy or SciPy."""
    return str(function.__module__).split(".")[0] in LIBRARIES


def _taken_apart(value: Any) -> Any:
    if not isinstance(value, Symbol):
        return value
    if not isinstance(value.trials[0], (tuple, list)):
        raise CannotExplainError("it goes through an array number by number, or row by row")
    return [arithmetic.item(value, position) for position in range(len(value.trials[0]))]


def _sum(items: Any, start: Any = 0) -> Any:
    total = start
    for item in items:
        total = arithmetic.binary(ast.Add(), total, item)
    return total


def _length(value: Any) -> Any:
    """How many items there are: known, or a number of examples."""
    if not isinstance(value, Symbol):
        return len(value)
    if value.is_array:
        return arithmetic.sizes(value)[0]
    return len(value.trials[0])


def _on_numbers(function: Any, given: Arguments) -> Any:
    """float, max, range: of sizes they follow from the number of examples."""
    first = given.positional[0]
    if function is float and isinstance(first, Symbol) and first.from_shapes:
        return first  # dividing by N is dividing by float(N)
    return given.result(ast.Name(function.__name__, ast.Load()), function)


def _as_array(given: Arguments) -> Any:
    """What is an array already; or a known one that is the same number everywhere."""
    first = given.positional[0]
    if isinstance(first, Symbol):
        return first if first.is_array and len(given.values) == 1 else None
    if has_symbols(first):
        return None
    made = given.hand_to(np.asarray, [in_trial(value, 0) for value in given.values])
    return made if uniform(made) is not None else None


def _keeps_shape(owner: Symbol, given: Arguments) -> bool:
    """True if a reshape changes nothing."""
    first = given.positional[0]
    sizes = first if isinstance(first, tuple) else tuple(given.positional)
    return all(in_trial(sizes, t) == np.shape(trial) for t, trial in enumerate(owner.trials))
