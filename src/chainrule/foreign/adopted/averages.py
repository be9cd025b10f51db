"""Which gradients of adopted code are means over the batch, where a layer's are sums.

The losses take the mean over the examples, so that the gradient a layer is handed has it already: a
layer that takes it again would learn at a rate divided by the batch size.
"""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np

from chainrule.foreign.adopted.code import Adopted, off_zero
from chainrule.seeding import generator
from chainrule.types import Array

TOLERANCE = 1e-3  # relative; gradients that are read off an update are not exact


class Averages(NamedTuple):
    """Names of gradients, `x` for that of the input: those that are means over the batch, and those
    of which neither that nor a sum can be told."""

    means: frozenset[str] = frozenset()
    unclear: frozenset[str] = frozenset()


def averages_of(adopted: Adopted, x: Array, batch_axis: int) -> Averages:
    """Compare the gradients for a batch with those for every example twice. Sums are twice as large
    then, means stay what they are; of dx it is each example's part that stays, or is halved.

    Code that starts from the targets holds its own loss, whose mean belongs to it.
    """
    if adopted.starts_from_targets:
        return Averages()
    once = _gradients(adopted, x, batch_axis, 1)
    try:
        twice = _gradients(adopted, x, batch_axis, 2)
    except Exception:  # the user's code fails with so many: it will say so when it is given them
        return Averages(unclear=frozenset(once))
    means: set[str] = set()
    unclear: set[str] = set()
    for name, gradient in once.items():
        as_sum, as_mean = (1, 0.5) if name == "x" else (2, 1)
        if _near(twice[name], as_sum * gradient):
            continue
        (means if _near(twice[name], as_mean * gradient) else unclear).add(name)
    return Averages(frozenset(means), frozenset(unclear))


def _gradients(adopted: Adopted, x: Array, batch_axis: int, times: int) -> dict[str, Array]:
    """Every gradient for a batch that is repeated; of dx the first repetition."""
    trial, count = copy.deepcopy(adopted), x.shape[batch_axis]
    trial.values = off_zero(adopted.values)
    y, memory = trial.forward(np.concatenate([x] * times, axis=batch_axis))
    shape = [n // times if axis == batch_axis else n for axis, n in enumerate(y.shape)]
    dy = generator(0, "averages").standard_normal(shape)
    dx, gradients = trial.backward(np.concatenate([dy] * times, axis=batch_axis), memory)
    found = {name: np.asarray(gradient) for name, gradient in gradients.items()}
    if dx is not None:
        found["x"] = np.take(np.asarray(dx), range(count), axis=batch_axis)
    return found


def _near(one: Array, other: Array) -> bool:
    if one.shape != other.shape:
        return False
    return bool(np.linalg.norm(one - other) <= TOLERANCE * np.linalg.norm(other))
