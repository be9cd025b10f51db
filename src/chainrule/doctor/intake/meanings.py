"""What a backward pass may take its only argument for, where nothing says so."""

from __future__ import annotations

import inspect
from contextlib import suppress
from dataclasses import replace

import numpy as np

from chainrule.doctor.intake.activations import activation_of
from chainrule.doctor.intake.cases import Case
from chainrule.doctor.intake.objects import ambiguous_backward, from_targets
from chainrule.doctor.numbers.conventions import HANDS_ON, HANDS_ON_TO_ELSEWHERE
from chainrule.doctor.numbers.examination import examine
from chainrule.doctor.subjects.program import Program
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.running.loading import random_sources
from chainrule.foreign.running.randomness import Randomness
from chainrule.types import Array


def as_meant(case: Case) -> Case:
    """The case, or another one of the same object: what its backward pass takes as its only
    argument may be the gradient of the output, the input, or the targets.

    Raises:
        CannotCheckError: its backward pass is handed nothing, and is right in none of these ways.
    """
    thing = case.example["layer"]
    if (sparse := _with_one_entry(case)) is not None:
        return sparse
    if (network := _with_gradient_of_logits(case)) is not None:
        return network
    backward = ambiguous_backward(thing)
    if backward is None or not isinstance(case.subject, Program) or case.subject.dy is None:
        return case
    least = _share_of_wrong(case.subject)
    if not least:
        return case
    x, module = case.example["x"], case.module
    randomness = Randomness(random_sources(module) if module else [])
    ways = (
        lambda: activation_of(thing, x, backward),
        lambda: from_targets(thing, x, case.example, randomness, module),
    )
    best: Subject = case.subject
    for way in ways:
        with suppress(Exception):  # the code may raise anything when it is meant otherwise
            subject = way()
            share = 1.0 if subject is None else _share_of_wrong(subject)
            if subject is not None and share < least:
                best, least = subject, share
    if best is case.subject and not inspect.signature(getattr(thing, backward)).parameters:
        raise CannotCheckError(
            f"{backward}() is handed neither a gradient nor targets, and where it has them from is "
            "not known"
        )
    return replace(case, subject=best)


def _with_gradient_of_logits(case: Case) -> Case | None:
    """The case of a network that ends in a softmax and takes p - y, the gradient of its logits, if
    more of its gradients are right for that. A softmax alone is another matter: its dx is due."""
    subject = case.subject
    if not isinstance(subject, Program) or subject.dy is None or set(subject.values) <= {"x"}:
        return None
    classes = _axis_of_classes(subject.run(subject.values).output)
    if classes is None:
        return None
    other = subject.taking_gradient_of_logits(classes)
    if _share_of_wrong(other) >= _share_of_wrong(subject):
        return None
    if subject.has_cross_entropy:
        return replace(case, subject=other, notes=[*case.notes, HANDS_ON])
    return replace(case, subject=other, unchecked=[*case.unchecked, HANDS_ON_TO_ELSEWHERE])


def _axis_of_classes(output: Array) -> int | None:
    """The axis along which outputs are positive and sum to one."""
    if output.ndim != 2 or not (output > 0).all():
        return None
    sums = [np.allclose(output.sum(axis=axis), 1) for axis in (1, 0)]
    return next((axis for axis, is_one in zip((1, 0), sums, strict=True) if is_one), None)


def _share_of_wrong(subject: Subject) -> float:
    """How many of the gradients that can be compared are wrong."""
    found = examine(subject)
    return len(found.wrong) / len(found.truths) if found.truths else 1.0


def _with_one_entry(case: Case) -> Case | None:
    """The case with a gradient that is zero but for one entry, as the loss of a single example
    hands it to a softmax, if the code is right for such ones alone."""
    subject = case.subject
    if not isinstance(subject, Program) or subject.dy is None:
        return None
    output = subject.run(subject.values).output
    is_softmax = (output > 0).all() and np.isclose(output.sum(), 1)
    if output.size < 2 or not is_softmax or not examine(subject).wrong:
        return None
    other = subject.copied()
    other.dy = np.zeros_like(subject.dy)
    other.dy.flat[1] = subject.dy.flat[1]
    if examine(other).wrong:
        return None
    note = "right for a gradient with a single entry that is not zero, as the loss of one class has"
    return replace(case, subject=other, notes=[*case.notes, note])
