"""The small number of a formula's own, as in log(p + 1e-7): where a probability is nearly zero, the
gradient that leaves it out is nearly right."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from contextlib import suppress

import numpy as np

from chainrule.doctor.numbers.finite_differences import Truth, probe
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.running.randomness import random_like
from chainrule.types import Array

NEARLY = 1e-2  # of the largest entry
SATURATED = 1e-4  # a probability beside which 1e-7 shows
CALM = 0.3  # the size of parameters with which no output is near zero


def share_of_epsilon(
    subject: Subject, name: str, given: Array | None, truth: Truth, output: Array | None
) -> float | None:
    """By how much of its largest entry a gradient differs from the true one, if that is little, or
    some outputs are nearly zero, and if it is nothing at all with other parameters of a moderate
    size: small ones would hide what an activation's derivative lacks. Else None."""
    if given is None or not _parameters(subject) or np.shape(given) != truth.shape:
        return None
    difference = np.abs(np.asarray(given).ravel()[truth.where] - truth.entries).max(initial=0)
    largest = np.abs(truth.entries).max(initial=0)
    if not largest or not np.isfinite(difference):
        return None
    if difference > NEARLY * largest and not _are_saturated(output):
        return None
    elsewhere = with_moderate_parameters(subject)
    with suppress(Exception):  # code may refuse other numbers
        there = probe(elsewhere.loss, elsewhere.values, name, truth.precision)
        given_there = elsewhere.gradients(elsewhere.values).gradients.get(name)
        if there.slopes and there.agrees(given_there):
            return float(difference / largest)
    return None


def _are_saturated(output: Array | None) -> bool:
    """True if outputs are probabilities of which some are nearly zero or one: there an epsilon
    decides about the gradient."""
    if output is None or not output.ndim or not output.size:
        return False
    nearest = np.minimum(output, 1 - output)
    return bool((nearest >= 0).all() and (nearest < SATURATED).any())


def with_moderate_parameters(subject: Subject) -> Subject:
    """The same code where no output is near zero."""
    other = copy.copy(subject)
    other.values = {
        **subject.values,
        **{
            name: CALM * random_like(subject.values[name], "moderate", number)
            for number, name in enumerate(_parameters(subject))
        },
    }
    return other


def _parameters(subject: Subject) -> list[str]:
    return [name for name in subject.values if name not in ("x", "y_pred")]


BEYOND = (
    "compared with parameters of a moderate size alone, where it agrees; where an output is nearly "
    "zero it differs, for an epsilon in the loss or for a mistake: give an example(rng)"
)


def note_on(shares: Mapping[str, float]) -> str:
    """What is said of gradients that differ so little.

    Args:
        shares: by the gradients' names, as `share_of_epsilon` gives them.
    """
    names, most = " and ".join(shares), 100 * max(shares.values())
    return (
        f"{names}: off by up to {most:.2g} % of the largest entry here, and not at all with "
        "parameters of a moderate size: that is taken for a small number which the gradient leaves "
        "out, such as 1e-7 in log(p + 1e-7), and counts as right"
    )
