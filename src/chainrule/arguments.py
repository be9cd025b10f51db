"""Checks of what users pass in: each returns the value it was given or says what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.configurable import find_name
from chainrule.errors import ArgumentError, UnknownNameError
from chainrule.types import Shape

Pair = tuple[int, int]


def is_integer(value: Any) -> bool:
    """A whole number that is not a bool."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def integer(value: Any, name: str, at_least: int = 1) -> int:
    """A whole number, `at_least` or more.

    >>> integer(0, "epochs")
    Traceback (most recent call last):
    ...
    chainrule.errors.ArgumentError: epochs is a whole number, 1 or more; received 0
    """
    if not is_integer(value) or value < at_least:
        raise ArgumentError(f"{name} is a whole number, {at_least} or more; received {value!r}")
    return int(value)


def number(value: Any, name: str, bounds: str) -> float:
    """A number within `bounds`, written as in mathematics: ``"[0, 1)"``, ``"(0, inf)"``.

    >>> number(1.0, "rate", "[0, 1)")
    Traceback (most recent call last):
    ...
    chainrule.errors.ArgumentError: rate is a number in [0, 1); received 1.0
    """
    low, high = (float(end) for end in bounds[1:-1].split(","))
    fits = isinstance(value, (int, float, np.integer, np.floating)) and (
        (low < value or (low == value and bounds[0] == "["))
        and (value < high or (value == high and bounds[-1] == "]"))
    )
    if not fits:
        raise ArgumentError(f"{name} is a number in {bounds}; received {value!r}")
    return float(value)


def pair(value: Any, name: str, at_least: int = 1) -> Pair:
    """A pair for (height, width); one number stands for both."""
    both = (value, value) if is_integer(value) else value
    if not isinstance(both, Sequence) or isinstance(both, str) or len(both) != 2:
        raise ArgumentError(f"{name} is a whole number or a pair of them; received {value!r}")
    return integer(both[0], name, at_least), integer(both[1], name, at_least)


def size(value: Any, name: str, at_least: int = 1) -> int | Pair:
    """A size for (height, width), kept as one number where both are equal."""
    height, width = pair(value, name, at_least)
    return height if height == width else (height, width)


def choice(value: Any, name: str, options: Sequence[str]) -> str:
    """One of a few words, spelt as they stand here: later code compares with them.

    >>> choice("Mean", "reduction", ["mean", "sum"])
    Traceback (most recent call last):
    ...
    chainrule.errors.UnknownNameError: no reduction is called 'Mean'; did you mean 'mean'?
    """
    if not isinstance(value, str):
        raise ArgumentError(f"{name} is one of {', '.join(options)}; received {value!r}")
    nearest = find_name(value, options, name)
    if value != nearest:
        raise UnknownNameError(f"no {name} is called {value!r}; did you mean {nearest!r}?")
    return value


def shape(value: Any, name: str) -> Shape:
    """A tuple of positive whole numbers; a number alone is a shape of one axis.

    >>> shape(784, "input_shape")
    (784,)
    """
    sizes = (value,) if is_integer(value) else value
    if isinstance(sizes, str) or not isinstance(sizes, Sequence):
        raise ArgumentError(f"{name} is a tuple of whole numbers; received {value!r}")
    return tuple(integer(size, f"each size in {name}") for size in sizes)


def float_type(value: npt.DTypeLike) -> np.dtype[Any]:
    """float32 or float64; nothing else is trained here."""
    if value not in ("float32", "float64", np.float32, np.float64):
        raise ArgumentError(f"dtype is 'float32' or 'float64'; received {value!r}")
    return np.dtype(value)
