"""Mutants that are none: a change to backward code that changes no gradient."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import numpy as np

from chainrule.doctor.intake.request import Request, find
from chainrule.doctor.subjects.program import Program
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.errors import CannotCheckError
from chainrule.types import Array

SEEDS = range(3)
Gradients = dict[str, Array | None]


def are_equivalent(right: Path, wrong: str) -> bool:
    """True if a variant of a file gives the file's gradients, at random points.

    What is run is what the doctor would examine: the file's `example(rng)`, or what its
    constructors allow. A file that cannot be examined has no equivalent variants.
    """
    with tempfile.TemporaryDirectory() as folder:
        variant = Path(folder) / right.name
        variant.write_text(wrong, encoding="utf-8")
        try:
            return all(
                _agree(ours, theirs)
                for seed in SEEDS
                for ours, theirs in zip_longest(_gradients(right, seed), _gradients(variant, seed))
            )
        except CannotCheckError:
            return False


def _gradients(file: Path, seed: int) -> Iterator[Gradients]:
    """The gradients of all that a file has to be examined, each of two calls in turn."""
    for case in find(Request(file=file, seed=seed)):
        if case.subject is None:
            raise CannotCheckError("an optimizer has no gradients")
        yield from _of_two_calls(case.subject)


def _of_two_calls(subject: Subject) -> Iterator[Gradients]:
    yield subject.gradients(subject.values).gradients
    if isinstance(subject, Program):
        state = subject.fresh_state(subject.values)
        for scale in (1.0, 0.7):  # what the first call leaves behind must not reach the second
            values = {name: scale * value for name, value in subject.values.items()}
            done = subject.run(values, state)
            yield subject.backward(done, values).gradients


def _agree(ours: Gradients | None, theirs: Gradients | None) -> bool:
    if ours is None or theirs is None or ours.keys() != theirs.keys():
        return False
    return all(_close(ours[name], theirs[name]) for name in ours)


def _close(a: Array | None, b: Array | None) -> bool:
    if a is None or b is None or np.shape(a) != np.shape(b):
        return a is None and b is None
    return np.allclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)
