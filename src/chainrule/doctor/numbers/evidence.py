"""A wrong gradient beside the true one, and the causes that the numbers may fit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from chainrule.doctor.numbers.finite_differences import Truth
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.objects.gradients import fit
from chainrule.foreign.objects.state import Values
from chainrule.types import Array

CLOSE = 1e-4  # two arrays that differ by less, of the larger one's size, are the same


@dataclass(frozen=True)
class Signature:
    """A cause that the numbers fit.

    Args:
        alone: true if nothing else fits them.
        ratio: the gradient over the true one, where that is the same for every entry.
    """

    code: str
    evidence: str
    suggestion: str = ""
    alone: bool = False
    ratio: float | None = None


@dataclass
class Evidence:
    """A wrong gradient beside the true one.

    Args:
        name: of the value that it belongs to.
        given: the gradient that the code gives.
        truth: what is known of the true one.
        subject: the code.
        updated: true if the gradient is what an update did.
        others: all gradients that the code gives, by value.
    """

    name: str
    given: Array | None
    truth: Truth
    subject: Subject
    updated: bool = False
    others: dict[str, Array | None] = field(default_factory=dict)

    @property
    def values(self) -> Values:
        """Where the gradients are compared."""
        return self.subject.values

    @property
    def fitted(self) -> Array | None:
        """The gradient in its value's shape."""
        return fit(self.given, self.truth.shape)

    def known(self) -> tuple[Array, Array] | None:
        """Entries of the gradient and of the true one, where both are known."""
        fitted = self.fitted
        if fitted is None or not len(self.truth.where):
            return None
        return fitted.ravel()[self.truth.where], self.truth.entries


def close(one: Array, other: Array) -> bool:
    """True if two arrays are the same up to the precision of the true gradient."""
    if one.shape != other.shape or not one.size:
        return False
    scale = max(float(np.abs(one).max()), float(np.abs(other).max()))
    return bool(np.abs(one - other).max() <= CLOSE * scale) and scale > 0


def ratio_of(given: Array, true: Array) -> float | None:
    """given / true, where it is the same for all entries."""
    norm = float(np.sum(true * true))
    if not norm or not np.all(np.isfinite(given)):
        return None
    ratio = float(np.sum(given * true)) / norm
    if not ratio or not close(given, ratio * true):
        return None
    return ratio
