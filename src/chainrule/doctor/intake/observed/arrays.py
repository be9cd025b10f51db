"""What the calls of a run were given: inputs, targets, settings; and a part of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from chainrule.doctor.intake.cases import Example
from chainrule.foreign.naming.parameter_names import is_weight
from chainrule.foreign.naming.roles import role_of
from chainrule.foreign.observed.observing import Call
from chainrule.foreign.running.randomness import not_constant, random_like
from chainrule.types import Array

PLAIN = (str, bool, int, float)
EXAMPLES, IMAGES = 24, 4  # of a batch that is larger


def argument(call: Call, role: str) -> Array | None:
    """The array that was handed in for a role; for x the first one but the targets, if none is
    called so."""
    arrays = {name: as_array(value) for name, value in call.arguments.items()}
    named = [a for n, a in arrays.items() if a is not None and role_of(n) == role]
    if named or role != "x":
        return next(iter(named), None)
    others = (
        a for n, a in arrays.items() if a is not None and role_of(n) != "y" and not is_weight(n)
    )
    return next(others, None)


def as_array(value: Any) -> Array | None:
    """An array; a list of numbers, or a number of NumPy's, as one."""
    if isinstance(value, (np.ndarray, np.number)) and value.dtype.kind in "fiub":
        return np.asarray(value)
    if isinstance(value, (list, tuple)) and value:
        with suppress(ValueError, TypeError):
            made = np.array(value)
            return made if made.dtype.kind in "fiub" else None
    return None


def extras(*calls: Call | None) -> Example:
    """Other arguments, by name: words, numbers, the learning rate."""
    found: Example = {}
    for call in calls:
        for name, value in call.arguments.items() if call else ():
            role = role_of(name)
            if role == "rate" and isinstance(value, (float, int)) and value:
                found["learning_rate"] = float(value)
            elif role is None and (isinstance(value, PLAIN) or _describes_layers(value)):
                found[name] = value
    return found


def _describes_layers(value: Any) -> bool:
    """True for a list with a dictionary for each layer, as which a network may be described."""
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value)


def telling(x: Array) -> Array:
    """An input in which nothing hides: where all its numbers are the same, they are moved."""
    same = x.size > 1 and bool(np.all(x == x.flat[0]))
    return not_constant(x.astype(np.float64)) if same else x


def without_zeros(x: Array) -> Array:
    """An input whose zeros are moved a little: there many activations have no derivative, and the
    largest of several may be all of them."""
    if x.dtype.kind != "f":
        return x
    return np.where(x == 0, 0.1 * random_like(x, "zeros"), x)


# --- a part of the batch --------------------------------------------------------------------


def batches(x: Array, y: Array | None, output: Any) -> Iterator[tuple[Array, Array | None]]:
    """Inputs and targets to try: a part of the batch, where that is large, and the whole batch."""
    part = part_of_batch(x, y, output)
    if part is not None:
        yield part
    yield x, y


def part_of_batch(x: Array, y: Array | None, output: Any) -> tuple[Array, Array | None] | None:
    """Some examples of a batch, evenly spread; None where there are few, or it is none."""
    most = IMAGES if x.ndim > 2 else EXAMPLES
    axis = _axis_of_examples(x, y, output)
    if axis is None or x.shape[axis] <= most:
        return None
    count = x.shape[axis]
    chosen = np.linspace(0, count - 1, most).astype(int)
    if y is not None:
        axes = [a for a in (axis, 0, y.ndim - 1) if a < y.ndim and y.shape[a] == count]
        if not axes:
            return None
        y = np.take(y, chosen, axes[0])
    return np.take(x, chosen, axis), y


def _axis_of_examples(x: Array, y: Array | None, output: Any) -> int | None:
    """The axis along which there are as many as in the targets, or in what came out."""
    beside = y if y is not None and y.ndim else output
    if x.ndim < 2 or not isinstance(beside, np.ndarray) or not beside.ndim:
        return None
    if x.shape[0] == beside.shape[0]:
        return 0
    return 1 if x.ndim == 2 and x.shape[1] == beside.shape[-1] else None
