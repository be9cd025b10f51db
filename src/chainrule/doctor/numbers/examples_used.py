"""Gradients of some of the examples only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.doctor.numbers.evidence import CLOSE, Evidence, Signature, close, ratio_of
from chainrule.foreign.objects.state import Values
from chainrule.foreign.running.effort import uncounted
from chainrule.types import Array

ENTRIES = 40  # whose shares are looked at


def some_examples(evidence: Evidence) -> Signature | None:
    """The gradient of some examples only: Σ_n c_n of what each contributes."""
    known, count = evidence.known(), evidence.subject.batch
    if known is None or not count or not 2 <= count <= 12 or evidence.name in ("x", "y_pred"):
        return None
    if ratio_of(*known) is not None:
        return None
    every = -(-len(known[0]) // ENTRIES)
    given, where = known[0][::every], evidence.truth.where[::every]
    shares = _shares_of_examples(evidence, count, where)
    if shares is None or not np.any(given):
        return None
    used = _examples_used(shares, given)
    if not used or len(used) == count:
        return None
    which = ", ".join(str(n) for n in used)
    text = (
        f"it is the gradient of example {which} alone"
        if len(used) == 1
        else f"it is the gradient of the examples {which}, out of {count}"
    )
    return Signature("partial-sum", text, "sum over all examples", alone=True)


def _examples_used(shares: Array, given: Array) -> list[int]:
    """The examples whose shares make up the gradient: one of them, all but one, or any."""
    count = len(shares)
    if len(given) < 3:
        return []
    for n, share in enumerate(shares):
        if _is_share(given, share, count):
            return [n]
    total = shares.sum(axis=0)
    for n, share in enumerate(shares):
        counts = np.abs(share).max() > 0.01 * np.abs(total).max()
        if counts and _is_share(given, total - share, count):
            return [m for m in range(count) if m != n]
    if len(given) <= count or np.linalg.matrix_rank(shares) < count:
        return []
    weights, *_ = np.linalg.lstsq(shares.T, given, rcond=None)
    if not close(weights @ shares, given):
        return []
    return [n for n, weight in enumerate(weights) if abs(weight) > CLOSE]


def _is_share(given: Array, share: Array, count: int) -> bool:
    """True if a gradient is some examples' share, summed or averaged."""
    ratio = ratio_of(given, share)
    return ratio is not None and any(abs(ratio / r - 1) < CLOSE for r in (1, count, 1 / count))


def _shares_of_examples(evidence: Evidence, count: int, where: Array) -> Array | None:
    """What each example adds to the true gradient, at the flat positions `where`."""
    shares = []
    for example in range(count):
        loss = evidence.subject.only(example)
        if loss is None:
            return None
        try:
            with uncounted():
                shares.append(_slopes(loss, evidence, where))
        except Exception:  # user code: it may take no single example
            return None
    return np.array(shares)


def _slopes(loss: Callable[[Values], float], evidence: Evidence, where: Array) -> Array:
    size, values, name = int(np.prod(evidence.truth.shape)), evidence.values, evidence.name
    slopes = []
    for position in where:
        step = np.zeros(size)
        step[position] = 1e-4
        change = step.reshape(evidence.truth.shape)
        up = loss({**values, name: values[name] + change})
        down = loss({**values, name: values[name] - change})
        slopes.append((up - down) / 2e-4)
    return np.array(slopes)
