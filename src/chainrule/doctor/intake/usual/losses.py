"""What loss is assumed where none is given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.doctor.intake.usual.targets import (
    CLASS_NUMBERS,
    ONE_HOT,
    targets_for,
    targets_for_width,
    targets_of_kinds,
    widths_of,
)
from chainrule.doctor.numbers.evidence import ratio_of
from chainrule.doctor.numbers.examination import (
    alignment,
    examine,
    measure_wrong,
)
from chainrule.doctor.numbers.examined import Examination
from chainrule.doctor.numbers.finite_differences import measure
from chainrule.doctor.search.subject_diagnosis import SEARCHING, diagnose_subject
from chainrule.doctor.subjects.program import Passes, Program
from chainrule.foreign.calls.conventions import Code, takes_targets
from chainrule.foreign.errors import CannotCheckError, EndlessError, LossNeededError, is_of_shapes
from chainrule.foreign.naming.parameter_names import is_bias
from chainrule.foreign.objects import state as states
from chainrule.foreign.objects.gradients import fit
from chainrule.foreign.objects.state import Path
from chainrule.foreign.objects.targets import are_spread
from chainrule.foreign.running.randomness import nobody_else_draws
from chainrule.types import Array

Loss = Callable[[Array, Array], float]
Make = Callable[[Code, Any], Program]

NO_LOSS = "no loss is given"
ENOUGH = 0.3  # gradients that are right, or point the right way, for a loss to be believed
OPPOSITE = 0.899  # what speaks against a loss where its gradients are the negative ones
ALIGNED = 0.9999  # gradients that point along the true ones, or against them
SEARCHED = 6  # programs, in which corrections are looked for
RAISING = 3  # of those whose backward pass raises
MEASURED = 40  # entries of a gradient, to see a regularizer in it
SAME_STRENGTH = 1e-3  # by which its strength may differ between parameters
TINY = 1e-300  # keeps log(0) finite


def _with_a_one(y: Array, p: Array) -> Array:
    """Class numbers as rows, or columns, with a one; other targets in the shape of the output."""
    if are_spread(y.shape, p.shape):
        return y.reshape(p.shape)
    if y.ndim == 2 and y.shape == p.shape[::-1]:
        return y.T
    if y.shape == p.shape or y.dtype.kind not in "iu" or y.ndim > 1:
        return y
    if not y.ndim:
        return np.eye(p.size)[y].reshape(p.shape)
    return np.eye(p.shape[-1])[y] if len(y) == len(p) else np.eye(len(p))[y].T


def _squares(y: Array, p: Array) -> Array:
    return np.asarray((p - _with_a_one(y, p)) ** 2)


def _entropies(y: Array, p: Array) -> Array:
    return np.asarray(-(_with_a_one(y, p) * np.log(p + TINY)))


def _binary_entropies(y: Array, p: Array) -> Array:
    y = _with_a_one(y, p)
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


# --- which loss -----------------------------------------------------------------------------


@dataclass
class _Believed:
    """A program with what was assumed, and how much speaks for that."""

    score: float
    program: Program
    targets: str


def with_believable_loss(make: Make, program: Program) -> Program:
    """The program with its loss, or with a usual one, where that was only found in its file by its
    name and its gradients belong to another: none of them agrees, nor points along the true one,
    and no correction explains that.

    Args:
        make: the program of a code with targets.
    """
    found = examine(program)
    if found.error is None and found.truths:
        if len(found.wrong) < len(found.truths) or abs(alignment(found)) > ALIGNED:
            return program
        findings = diagnose_subject(program.copied(), search=SEARCHING // 6).findings
        if any(finding.code != "unknown" for finding in findings):
            return program
    with suppress(CannotCheckError):
        code = replace(program.code, loss=None)
        other = with_assumed_loss(make, code, program.x, program.y)
        held = examine(other)
        if held.error is None and not held.wrong:
            other.notes.append("the file's own loss was not taken: the gradients are not its own")
            return other
    program.is_assumed = True
    return program


def _doubts(tried: list[_Believed]) -> list[str]:
    """What is said where class numbers fit, but rows with a one, which the code takes, do not."""
    if not any(each.targets == ONE_HOT for each in tried):
        return []
    return [f"with targets as {ONE_HOT} its gradients do not agree: give y in example(rng)"]


def with_assumed_loss(make: Make, code: Code, x: Any, y: Any, is_own: bool = False) -> Program:
    """The program with targets and a usual loss, those that most of its gradients belong to.

    Args:
        make: the program of a code with targets.
        code: without a loss, or with one that only lacks targets.
        x: the input.
        y: the targets, if given.
        is_own: true if the loss is the code's own, computed from the same arguments.
    Raises:
        LossNeededError: no usual loss fits.
        CannotCheckError: it runs with no targets that were tried.
    """
    is_own = is_own or code.joint is not None or takes_targets(code.forward(code.state))
    tried: list[_Believed] = []
    raising: list[Program] = []
    for words, targets in [("", y)] if y is not None else _targets(make, code, x):
        passes: Passes = {}
        for loss_words, loss in _losses(code):
            with suppress(Exception):  # a loss may not take these outputs, nor code these targets
                program = make(loss, targets)
                with program.sharing(passes) if loss_words else nullcontext():
                    found = examine_with_conventions(program)
                    score = _score(found)
                program.notes += [loss_words] if loss_words else []
                program.notes += [f"no targets are given: {words} were tried"] if words else []
                is_endless = isinstance(found.error, EndlessError)
                if found.error is not None and not is_endless:
                    raising += [program] if is_of_shapes(found.error) else []
                    continue
                if not found.truths:
                    continue
                program.is_assumed = len(found.wrong) == len(found.truths) and not is_own
                if is_own and words == CLASS_NUMBERS and not found.wrong:
                    program.unchecked = [*program.unchecked, *_doubts(tried)]
                tried.append(_Believed(score, program, words))
                if not found.wrong or is_endless:
                    return program
        if any(each.score >= 1 for each in tried):
            break  # a gradient that is right speaks for these targets
    if not tried and not raising:
        raise CannotCheckError("its backward pass runs with none of the targets that were tried")
    tried.sort(key=lambda each: -each.score)
    for each in tried if code.loss is None and not is_own else ():
        if (regularized := _with_squares(make, each.program)) is not None:
            return regularized
    if tried and (tried[0].score >= ENOUGH or code.loss is not None):
        best = tried[0].program
        is_assumed = code.loss is None and not is_own
        return (_with_decay(make, best) or best) if is_assumed else best
    if tried and is_own and tried[-1].score <= -OPPOSITE:
        return tried[-1].program
    return _mended_with_one([*(each.program for each in tried[:SEARCHED]), *raising[:RAISING]])


def _score(found: Examination) -> float:
    """How much speaks for a loss: gradients that are right, and one that points the right way."""
    if not found.truths:
        return 0.0
    return len(found.truths) - len(found.wrong) + 0.9 * alignment(found)


def examine_with_conventions(program: Program) -> Examination:
    """How its gradients compare: entry by entry where all of them only point the right way, which a
    convention may explain."""
    found = examine(program)
    is_wholly_wrong = found.error is None and 0 < len(found.truths) == len(found.wrong)
    if is_wholly_wrong and abs(alignment(found)) > ALIGNED:
        measure_wrong(found)
    return found


def _targets(make: Make, code: Code, x: Any) -> Iterator[tuple[str, Array]]:
    """Targets to try, with what they are."""
    try:
        plain = make(replace(code, loss=lambda state: lambda: 0.0), np.zeros(1))
        output, axis = plain.run(plain.values).output, plain.batch_axis
    except Exception:  # the forward pass asks for targets itself, and these are none
        output, axis = np.zeros(0), 0
    if output.ndim and output.size:
        yield from targets_of_kinds(output, axis)
        if output.ndim == 2 and np.ndim(x) == 2 and len(output) != len(x) == output.shape[1]:
            yield "arrays of the output's shape, turned,", targets_for(output, 1).T.copy()
        return
    widths = widths_of(code, x, axis)
    count = np.shape(x)[axis]
    yield from targets_for_width(count, widths, axis)
    if code.joint is not None:  # of one output: elsewhere they would fit several by broadcasting
        shape = (count, 1) if axis == 0 else (1, count)
        yield "numbers in a column", (np.arange(count) % 2 * 1.0).reshape(shape)


def _losses(code: Code) -> Iterator[tuple[str, Code]]:
    """The code with its loss, or with each of the usual ones."""
    if code.loss is not None or code.joint is not None or takes_targets(code.forward(code.state)):
        yield "", code
        return
    for words, loss in LOSSES.items():
        assumed = replace(code, loss=_of_any_state(loss))
        yield f"{NO_LOSS}: {words} is assumed", assumed


def say_not_followed(program: Program, name: str) -> None:
    """Say of a program whose loss was assumed that the code computes one, called `name`, which has
    other gradients."""
    not_followed = f"the gradients are not those of {name}, as the loop computes it"
    program.notes = [note.replace(NO_LOSS, not_followed) for note in program.notes]


def _of_any_state(loss: Loss) -> Callable[[Any], Loss]:
    return lambda state: loss


def _with_squares(make: Make, program: Program) -> Program | None:
    """The program with the squares of its parameters added to the loss that was assumed, if the
    term of such a regularizer is all by which its gradients differ."""
    found = examine(program)
    strength = _common_share(found)
    if strength is None:
        return None
    paths = [program.paths[name] for name in found.wrong]
    other = make(
        replace(program.code, loss=_with_penalty(program.code, paths, strength)), program.y
    )
    if examine(other).wrong:
        return None
    names = " and ".join(found.shown(name) for name in found.wrong)
    other.notes += [
        *program.notes,
        f"{names} hold {strength:.4g} times their parameters, the term of a regularizer: it was "
        "taken for a part of the loss",
    ]
    return other


def _with_decay(make: Make, program: Program) -> Program | None:
    """The program with the squares of all its weights added to the loss that was assumed, if one of
    its gradients differs by the term of such a regularizer, and fewer are wrong with it."""
    found = examine(program)
    strengths = [s for s in (_share_of_parameter(found, name) for name in found.wrong) if s]
    if not strengths:
        return None
    paths = [path for name, path in program.paths.items() if not is_bias(name)]
    penalty = _with_penalty(program.code, paths, strengths[0])
    other = make(replace(program.code, loss=penalty), program.y)
    if len(examine(other).wrong) >= len(found.wrong):
        return None
    other.notes += [
        *program.notes,
        f"{strengths[0]:.4g} times the weights, the term of a regularizer, was taken for a part of "
        "the loss",
    ]
    return other


def _with_penalty(code: Code, paths: list[Path], strength: float) -> Callable[[Any], Loss]:
    """The loss of a code with half the squares of parameters, times a strength."""

    def of_state(state: Any) -> Loss:
        penalty = strength / 2 * sum(float(np.sum(states.read(state, path) ** 2)) for path in paths)
        plain = code.loss(state) if code.loss else None
        return lambda y_true, y_pred: penalty + (plain(y_true, y_pred) if plain else 0.0)

    return of_state


def _common_share(found: Examination) -> float | None:
    """By which multiple of their parameters all wrong gradients exceed the true ones, if by one.
    The first one that speaks against it ends the measuring, which takes long."""
    first = None
    for name in found.wrong:
        share = _share_of_parameter(found, name)
        if share is None or abs(share / (first or share) - 1) > SAME_STRENGTH:
            return None
        first = first or share
    return first


@nobody_else_draws()
def _share_of_parameter(found: Examination, name: str) -> float | None:
    """By which multiple of the parameter itself its gradient exceeds the true one, if by one."""
    truth, given = found.truths[name], fit(found.given(name), found.truths[name].shape)
    if given is None or name not in found.subject.values or name == "x":
        return None
    measure(found.subject.loss, found.subject.values, name, truth, given, MEASURED)
    weights = found.subject.values[name].ravel()[truth.where]
    share = ratio_of(given.ravel()[truth.where] - truth.entries, weights)
    return share if weights.size > 1 and share is not None and share > 0 else None


def _mended_with_one(programs: list[Program]) -> Program:
    """The first program whose gradients all become right by corrections that are certain: that
    speaks for the loss, too."""
    for program in programs:
        program.is_assumed = False
        findings = diagnose_subject(program, search=SEARCHING // 6).findings
        program.is_assumed = True
        if findings and all(finding.certain for finding in findings):
            return program
    raise LossNeededError(
        "the backward pass begins with the targets, and none of the usual losses fits it: "
        'give a function "loss" in example(rng)'
    )
