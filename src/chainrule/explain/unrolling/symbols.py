"""What a line of the written program stands for, while the program is being written.

The code of a layer is followed line by line on trial batches of two sizes. A `Symbol` is what
an expression gives there: its code in the new program, and its value on either batch. Whatever
is the same whichever numbers come in, such as `self.bias` or `x.shape[1]`, is no symbol but a
plain Python value, and is folded into the code. Sizes that differ between the two batches are
multiples of N, the number of examples.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

TRIAL_SIZES = (3, 4)  # examples in the two trial batches
TRIALS = range(len(TRIAL_SIZES))
BATCH = "N"  # what the program calls the number of examples


@dataclass(frozen=True, eq=False)
class Symbol:
    """A value of the program: its code, and what it was in each trial.

    `from_shapes` says that it depends on shapes and types alone, not on the numbers.
    """

    code: ast.expr
    trials: tuple[Any, ...]
    from_shapes: bool = False

    @property
    def is_atomic(self) -> bool:
        """True if the code is a name, which may be written twice without computing twice."""
        return isinstance(self.code, ast.Name) or self.from_shapes

    @property
    def is_array(self) -> bool:
        """True if this is an array, which `+=` changes in place."""
        return isinstance(self.trials[0], np.ndarray)


class Stand:
    """An object of the program with attributes that are symbols: an optimizer's state."""

    def __init__(self, **attributes: Symbol) -> None:
        self.attributes: dict[str, Any] = {**attributes}

    def attribute(self, name: str) -> Any:
        """``object.name``."""
        return self.attributes[name]


class Spelt(float):
    """A float with a shorter spelling than its digits: ``1 - 0.9``, not 0.0999999999999999."""

    code: ast.expr

    @classmethod
    def as_(cls, code: ast.expr, value: float) -> Spelt:
        """The value, to be written as this code."""
        spelt = cls(value)
        spelt.code = code
        return spelt


def symbols_in(value: Any) -> Iterator[Symbol]:
    """The symbols within a value, a list of values, a slice."""
    if isinstance(value, Symbol):
        yield value
    elif isinstance(value, Stand):
        yield from symbols_in(list(value.attributes.values()))
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from symbols_in(item)
    elif isinstance(value, dict):
        yield from symbols_in(list(value.values()))
    elif isinstance(value, slice):
        yield from symbols_in([value.start, value.stop, value.step])


def has_symbols(*values: Any) -> bool:
    """True if any of the values is not yet known."""
    return any(True for _ in symbols_in(values))


def in_trial(value: Any, trial: int) -> Any:
    """The value with every symbol replaced by what it was in that trial."""
    if isinstance(value, Symbol):
        return value.trials[trial]
    if isinstance(value, (tuple, list)):
        return type(value)([in_trial(item, trial) for item in value])
    if isinstance(value, dict):
        return {key: in_trial(item, trial) for key, item in value.items()}
    if isinstance(value, slice):
        return slice(*(in_trial(end, trial) for end in (value.start, value.stop, value.step)))
    return value


def computed(code: ast.expr, function: Callable[..., Any], *operands: Any) -> Any:
    """What `function` makes of the operands: a symbol, or a plain value where it follows from
    shapes and is the same for every batch size."""
    trials = tuple(
        function(*(in_trial(operand, trial) for operand in operands)) for trial in TRIALS
    )
    is_number = not isinstance(trials[0], (np.ndarray, np.generic))
    if is_number and all(symbol.from_shapes for symbol in symbols_in(operands)):
        return of_shapes(code, trials)
    return Symbol(code, trials)


def of_shapes(code: ast.expr, trials: tuple[Any, ...]) -> Any:
    """What follows from shapes alone: known, or some number of examples."""
    first, second = trials
    if _same(first, second):
        return first
    if isinstance(first, int) and not isinstance(code, ast.Call):
        code = multiple_of_batch(first, second)
    return Symbol(code, trials, from_shapes=True)


def multiple_of_batch(first: int, second: int) -> ast.expr:
    """The code of a size that was `first` and `second` in the trials: ``N * 784``."""
    text = re.sub(rf"(\d+) {BATCH}", rf"{BATCH} * \1", size_text(first, second))
    return ast.parse(text, mode="eval").body


def size_text(first: int, second: int) -> str:
    """A size as shapes show it: ``128``, ``N``, ``4 N - 1``.

    >>> size_text(5, 5), size_text(3, 4), size_text(11, 15)
    ('5', 'N', '4 N - 1')
    """
    slope, remainder = divmod(second - first, TRIAL_SIZES[1] - TRIAL_SIZES[0])
    rest = first - slope * TRIAL_SIZES[0]
    if remainder or not slope:
        return str(first)
    text = BATCH if slope == 1 else f"{slope} {BATCH}"
    return text if not rest else f"{text} {'+' if rest > 0 else '-'} {abs(rest)}"


def shape_text(trials: tuple[Any, ...]) -> str:
    """The shape of a value for the end of its line: ``(N, 128)``; empty where it has none."""
    first, second = trials
    if isinstance(first, (tuple, list)) and any(isinstance(item, np.ndarray) for item in first):
        return ", ".join(shape_text(pair) for pair in zip(first, second, strict=True))
    if not isinstance(first, (np.ndarray, np.generic, float, int)):
        return ""
    sizes = [size_text(*pair) for pair in zip(np.shape(first), np.shape(second), strict=True)]
    return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"


def _same(first: Any, second: Any) -> bool:
    return type(first) is type(second) and bool(first == second)
