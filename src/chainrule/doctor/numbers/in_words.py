"""How a wrong gradient differs from the true one, in words, where no cause is known."""

from __future__ import annotations

import numpy as np

from chainrule.doctor.numbers.evidence import Evidence
from chainrule.doctor.numbers.examined import Examination
from chainrule.doctor.numbers.finite_differences import Truth
from chainrule.types import Array


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
    wrong = ~(np.abs(ours - true) <= allowed)  # NaN is never right
    count, total = int(wrong.sum()), len(true)
    if not count:
        return f"it differs along random directions, though the {total} entries compared agree"
    worst = int(np.argmax(np.abs(ours - true)))
    where = [int(i) for i in np.unravel_index(truth.where[worst], truth.shape)]
    return (
        f"{count} of {total} entries are wrong; the worst is {where}: {ours[worst]:.4g}, truly "
        f"{true[worst]:.4g}{_pattern(truth, wrong, ours, true)}"
    )


def _pattern(truth: Truth, wrong: Array, ours: Array, true: Array) -> str:
    """Where the wrong entries stand: in certain rows, columns, channels, or at the border."""
    if not wrong.all() and len(truth.shape) > 1:
        for axis, indices in enumerate(np.unravel_index(truth.where, truth.shape)):
            bad = sorted({int(i) for i in indices[wrong]})
            good = {int(i) for i in indices[~wrong]}
            if not good & set(bad) and len(bad) < truth.shape[axis]:
                return f"; they are those with index {', '.join(map(str, bad[:8]))} of axis {axis}"
    return _ratios(ours, true) if ours[wrong].any() else ", all of them zero"


def _ratios(ours: Array, true: Array) -> str:
    """Between which bounds the entries are off."""
    usable = np.abs(true) > 1e-3 * np.abs(true).max(initial=0)
    if not usable.any():
        return ""
    ratios = ours[usable] / true[usable]
    return f"; the ratio to the true entries goes from {ratios.min():.3g} to {ratios.max():.3g}"
