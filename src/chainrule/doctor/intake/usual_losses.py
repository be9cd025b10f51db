"""What is assumed where nothing is given: a loss, and targets for it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.doctor.numbers.examination import alignment, examine
from chainrule.doctor.search.subject_diagnosis import SEARCHING, diagnose_subject
from chainrule.doctor.subjects.program import Program
from chainrule.foreign.conventions import Code
from chainrule.foreign.errors import EndlessError, LossNeededError
from chainrule.types import Array

Loss = Callable[[Array, Array], float]
Make = Callable[[Code, Any], Program]

ENOUGH = 0.3  # gradients that are right, or point the right way, for a loss to be believed
TINY = 1e-300  # keeps log(0) finite


def _squares(y: Array, p: Array) -> Array:
    return np.asarray((p - y) ** 2)


def _entropies(y: Array, p: Array) -> Array:
    """The cross-entropy of each entry; class numbers are taken as rows with a one."""
    if y.shape != p.shape and y.ndim == 1 and y.dtype.kind in "iu":
        y = np.eye(p.shape[-1])[y]
    return np.asarray(-(y * np.log(p + TINY)))


def _binary_entropies(y: Array, p: Array) -> Array:
    return np.asarray(-y * np.log(p + TINY) - (1 - y) * np.log(1 - p + TINY))


def _over_rows(errors: Array, p: Array) -> float:
    return float(np.sum(errors) / (len(p) if p.ndim else 1))


def _over_columns(errors: Array, p: Array) -> float:
    return float(np.sum(errors) / p.shape[-1])


def _mean(errors: Array, p: Array) -> float:
    return float(np.mean(errors))


def _sum(errors: Array, p: Array) -> float:
    return float(np.sum(errors))


def _loss(
    errors: Callable[[Array, Array], Array],
    reduced: Callable[[Array, Array], float],
    factor: float = 1.0,
) -> Loss:
    return lambda y_true, y_pred: factor * reduced(errors(y_true, y_pred), y_pred)


LOSSES: dict[str, Loss] = {
    "the mean squared error": _loss(_squares, _mean),
    "half the mean squared error": _loss(_squares, _mean, 0.5),
    "half the sum of squared errors": _loss(_squares, _sum, 0.5),
    "the sum of squared errors": _loss(_squares, _sum),
    "the squared errors of an example, averaged over rows": _loss(_squares, _over_rows),
    "half the squared errors of an example, averaged over rows": _loss(_squares, _over_rows, 0.5),
    "half the squared errors of an example, averaged over columns": _loss(
        _squares, _over_columns, 0.5
    ),
    "the squared errors of an example, averaged over columns": _loss(_squares, _over_columns),
    "cross-entropy, averaged over rows": _loss(_entropies, _over_rows),
    "cross-entropy, averaged over columns": _loss(_entropies, _over_columns),
    "cross-entropy, summed": _loss(_entropies, _sum),
    "binary cross-entropy, averaged": _loss(_binary_entropies, _mean),
    "binary cross-entropy, averaged over rows": _loss(_binary_entropies, _over_rows),
    "binary cross-entropy, averaged over columns": _loss(_binary_entropies, _over_columns),
    "binary cross-entropy, summed": _loss(_binary_entropies, _sum),
}


def targets_for(output: Array, axis: int) -> Array:
    """Targets in the shape of the output: one-hot where it holds probabilities of classes, zeros
    and ones where it lies between them, else numbers around it."""
    if output.ndim == 2 and output.shape[1 - axis] > 1:
        sums = output.sum(axis=1 - axis)
        if (output >= 0).all() and np.allclose(sums, 1):
            return one_hot_targets(output.shape, axis)
    if (output > 0).all() and (output < 1).all():
        return np.asarray(np.arange(output.size).reshape(output.shape) % 2, np.float64)
    return np.asarray(0.5 * np.cos(1.0 + np.arange(output.size)).reshape(output.shape))


def one_hot_targets(shape: tuple[int, ...], axis: int) -> Array:
    """Targets in a shape of two axes, of which `axis` counts the examples: each class in turn."""
    classes = shape[1 - axis]
    chosen = np.eye(classes)[np.arange(shape[axis]) % classes]
    return chosen if axis == 0 else chosen.T


# --- which loss -----------------------------------------------------------------------------


def with_assumed_loss(make: Make, code: Code, y: Any) -> Program:
    """The program with targets, and the usual loss that most of its gradients belong to.

    Args:
        make: the program of a code with targets.
        code: without a loss, or with one that only lacks targets.
        y: the targets, if given.
    Raises:
        LossNeededError: no usual loss fits.
    """
    if y is None:
        plain = make(replace(code, loss=lambda state: lambda: 0.0), np.zeros(1))
        y = targets_for(plain.run(plain.values).output, plain.batch_axis)
    if code.loss is not None:
        return make(code, y)
    candidates: list[tuple[float, Program]] = []
    for words, loss in LOSSES.items():
        with suppress(Exception):  # a loss may not take these outputs
            program = make(replace(code, loss=_of_any_state(loss)), y)
            found = examine(program)
            right = len(found.truths) - len(found.wrong) + 0.9 * alignment(found)
            program.notes.append(f"no loss is given: {words} is assumed")
            candidates.append((right, program))
            if not found.wrong or isinstance(found.error, EndlessError):
                return program
    score, best = max(candidates, key=lambda each: each[0], default=(0.0, None))
    if best is not None and score >= ENOUGH:
        return best
    return _mended_with_one(sorted(candidates, key=lambda each: -each[0]))


def _of_any_state(loss: Loss) -> Callable[[Any], Loss]:
    return lambda state: loss


def _mended_with_one(candidates: list[tuple[float, Program]]) -> Program:
    """The first program whose gradients all become right by corrections that are certain: that
    speaks for the loss, too."""
    for _, program in candidates:
        findings = diagnose_subject(program, search=SEARCHING // 6).findings
        if findings and all(finding.certain for finding in findings):
            return program
    raise LossNeededError(
        "the backward pass begins with the targets, and none of the usual losses fits it: "
        'give a function "loss" in example(rng)'
    )
