"""The small number of a formula's own, as in log(p + 1e-7): where a probability is nearly zero, the
gradient that leaves it out is nearly right."""

from __future__ import annotations

import copy
from contextlib import suppress

import numpy as np

from chainrule.doctor.numbers.finite_differences import Truth, probe
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.running.randomness import random_like
from chainrule.types import Array

NEARLY = 1e-2  # of the largest entry
CALM = 0.3  # the size of parameters with which no output is near zero


def is_right_but_for_an_epsilon(
    subject: Subject, name: str, given: Array | None, truth: Truth
) -> bool:
    """True if a gradient differs little from the true one, and not at all with other parameters of
    a moderate size: small ones would hide what an activation's derivative lacks."""
    parameters = [each for each in subject.values if each not in ("x", "y_pred")]
    if given is None or not parameters or np.shape(given) != truth.shape:
        return False
    difference = np.abs(np.asarray(given).ravel()[truth.where] - truth.entries)
    if not difference.max(initial=0) <= NEARLY * np.abs(truth.entries).max(initial=0):
        return False
    elsewhere = copy.copy(subject)
    moderate = {
        n: CALM * random_like(subject.values[n], "moderate", i) for i, n in enumerate(parameters)
    }
    elsewhere.values = {**subject.values, **moderate}
    with suppress(Exception):  # code may refuse other numbers
        there = probe(elsewhere.loss, elsewhere.values, name, truth.precision)
        given_there = elsewhere.gradients(elsewhere.values).gradients.get(name)
        return bool(there.slopes) and there.agrees(given_there)
    return False
