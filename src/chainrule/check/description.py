"""Wrong gradients in words, where no cause is known."""

from __future__ import annotations

import numpy as np

from chainrule.check.calculus import Truth
from chainrule.check.doctor import Examination
from chainrule.check.evidence import Evidence


def describe(found: Examination, name: str) -> str:
    """How a gradient differs from the true one, where no cause is known."""
    truth, given = found.truths[name], found.given(name)
    evidence = Evidence(name, given, truth, found.subject)
    known = evidence.known()
    if given is None:
        return "no gradient was found"
    if known is None:
        return f"shape {np.shape(given)}, but {truth.shape} is expected"
    ours, true = known
    allowed = truth.precision.tolerance * truth.scale + truth.floor
    wrong = np.abs(ours - true) > allowed
    count, total = int(wrong.sum()), len(true)
    words = f"{count} of {total} entries are wrong"
    if not count:
        return f"it differs along random directions, though the {total} entries compared agree"
    worst = int(np.argmax(np.abs(ours - true)))
    where = tuple(int(i) for i in np.unravel_index(truth.where[worst], truth.shape))
    words += f"; the worst is {list(where)}: {ours[worst]:.4g}, truly {true[worst]:.4g}"
    return words + _pattern(truth, wrong, ours, true)


def _pattern(truth: Truth, wrong: np.ndarray, ours: np.ndarray, true: np.ndarray) -> str:
    """Whether the wrong entries stand in certain rows, columns, channels, or at the border."""
    if wrong.all() or len(truth.shape) < 2:
        zero = not ours[wrong].any()
        return ", all of them zero" if zero else _ratios(ours, true)
    positions = np.array(np.unravel_index(truth.where, truth.shape))
    for axis in range(len(truth.shape)):
        indices = positions[axis]
        bad = sorted({int(i) for i in indices[wrong]})
        good = {int(i) for i in indices[~wrong]}
        if not good & set(bad) and len(bad) < truth.shape[axis]:
            return f"; they are those with index {', '.join(map(str, bad[:8]))} of axis {axis}"
    if not ours[wrong].any():
        return ", all of them zero"
    return _ratios(ours, true)


def _ratios(ours: np.ndarray, true: np.ndarray) -> str:
    usable = np.abs(true) > 1e-3 * np.abs(true).max(initial=0)
    if not usable.any():
        return ""
    ratios = ours[usable] / true[usable]
    return f"; the ratio to the true entries goes from {ratios.min():.3g} to {ratios.max():.3g}"
