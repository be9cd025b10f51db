"""Answers of a backward pass compared, and the second point at which corrections are tried."""

from __future__ import annotations

import copy

import numpy as np

from chainrule.check.calculus import Truth, probe
from chainrule.check.doctor import Examination
from chainrule.check.evidence import Signature
from chainrule.check.loading import line_in
from chainrule.check.program import Program
from chainrule.check.randomness import random_like
from chainrule.check.source import files_of
from chainrule.check.subject import Answer, Subject


def is_factor(signature: Signature, code: str) -> bool:
    return signature.ratio is not None and code in ("loss-constant", "batch-scale", "dropout-mask")


def same_gradient(one: Answer, other: Answer, name: str) -> bool:
    first, second = one.gradients.get(name), other.gradients.get(name)
    if first is None or second is None:
        return first is second
    return np.shape(first) == np.shape(second) and bool(
        np.allclose(first, second, rtol=1e-9, atol=1e-13, equal_nan=True)
    )


def line_of_error(found: Examination) -> int | None:
    """Where in the user's file an exception was raised."""
    if found.error is None:
        return None
    files = files_of(found.subject.functions())
    return next((line for file in files if (line := line_in(found.error, file))), None)


def second_point(found: Examination) -> tuple[Subject, dict[str, Truth]] | None:
    """The same code with other numbers, and the truths there."""
    other = copy.copy(found.subject)
    if isinstance(other, Program):
        other.remembered = None
    other.values = {
        name: value + 0.3 * random_like(value, "second point", number)
        if name != "y_pred"
        else value * (1 + 0.03 * random_like(value, "second point", number))
        for number, (name, value) in enumerate(found.subject.values.items())
    }
    try:
        truths = {
            name: probe(other.loss, other.values, name, found.truths[name].precision, 1)
            for name in found.wrong
        }
    except Exception:  # code may refuse other numbers: then one point must do
        return None
    usable = {
        name: truth
        for name, truth in truths.items()
        if truth.slopes and all(np.isfinite(truth.slopes))
    }
    return other, usable
