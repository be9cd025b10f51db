"""Examples that are held out and trained on all the same: a network may know them by heart, and
what it makes of them says nothing about new ones.

Equal examples are no mistake where there are few different ones, as in a table of two categories.
There, those of training equal one another as often as held-out ones equal them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from chainrule.data.readers.raw import pieces
from chainrule.types import Array

BY_CHANCE = 3.0  # standard deviations of a count that chance explains


@dataclass(frozen=True)
class Repeats:
    """`found` of `count` held-out examples equal one of training, inputs and target; and `share` is
    how many of those in training equal another one there."""

    found: int
    count: int
    share: float

    @property
    def are_by_chance(self) -> bool:
        """True if there are no more than fall into either part at random.

        >>> Repeats(1, 30, 0.0).are_by_chance, Repeats(5, 30, 0.1).are_by_chance
        (False, True)
        """
        expected = self.share * self.count
        return self.found <= expected + BY_CHANCE * math.sqrt(expected)

    def warning(self, part: str) -> str | None:
        """What to say of them, if they are more than chance explains."""
        if self.are_by_chance:
            return None
        return (
            f"{self.found:,} of the {self.count:,} {part} examples are trained on too, value for "
            "value: take them out of one part, for the network may know them by heart"
        )

    def note(self, part: str) -> str | None:
        """The same, and what to say of those that chance explains, if there are any."""
        if not self.are_by_chance:
            return f"warning: {self.warning(part)}"
        if not self.found:
            return None
        return (
            f"{self.found:,} of the {self.count:,} {part} examples equal one of training: no more "
            f"than chance, since {100 * self.share:.0f} % of the training examples equal another"
        )


def find_repeats(x: Any, y: Any, x_held_out: Any, y_held_out: Any) -> Repeats:
    """How many held-out examples equal one of those to train on, ``x`` and ``y``.

    A sum of the bits of each row, which is cheap, leaves few rows to be compared whole. Reads in
    pieces: the arrays may be memory-mapped and larger than memory.

    >>> find_repeats(np.array([[1.0], [2.0]]), np.zeros(2), np.array([[2.0]]), np.zeros(1))
    Repeats(found=1, count=1, share=0.0)
    """
    kind = np.result_type(np.asarray(x[:1]), np.asarray(x_held_out[:1]), np.float32)
    trained, held_out = sums(x, kind), sums(x_held_out, kind)
    occurring, counts = np.unique(trained, return_counts=True)
    wanted = np.concatenate([occurring[counts > 1], held_out])
    known = Counter(digests(x, y, np.isin(trained, wanted), kind))
    candidates = np.isin(held_out, trained)
    found = sum(one in known for one in digests(x_held_out, y_held_out, candidates, kind))
    alike = sum(count for count in known.values() if count > 1)
    return Repeats(found, len(x_held_out), alike / len(x))


def sums(x: Any, kind: np.dtype[Any]) -> Array:
    """A whole number for each row, the same for equal rows: ``(N,)``."""
    bits = np.uint32 if kind.itemsize == 4 else np.uint64
    parts = [as_kind(piece, kind).view(bits).sum(axis=1, dtype=np.uint64) for _, piece in pieces(x)]
    return np.concatenate(parts)


def digests(x: Any, y: Any, chosen: Array, kind: np.dtype[Any]) -> Iterator[bytes]:
    """A digest of each of some rows with its target, the same for equal ones alone."""
    targets = as_kind(y, np.dtype(np.float64))
    for row in np.flatnonzero(chosen).tolist():
        digest = blake2b(as_kind(x[row : row + 1], kind).tobytes(), digest_size=16)
        digest.update(targets[row].tobytes())
        yield digest.digest()


def as_kind(values: Any, kind: np.dtype[Any]) -> Array:
    """Rows of numbers of one kind, ``(N, numbers)``, in which 0 has no sign."""
    array = np.asarray(values)
    rows: Array = array.reshape(len(array), -1).astype(kind, order="C") + kind.type(0)
    return rows
