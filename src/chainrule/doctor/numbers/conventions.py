"""What code does that is wrong by itself, and right in a network that counts on it."""

from __future__ import annotations

import numpy as np

from chainrule.doctor.numbers.evidence import CLOSE, close, ratio_of
from chainrule.doctor.numbers.examined import Examination
from chainrule.doctor.subjects.pairs import LossPair
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.naming.parameter_names import is_bias
from chainrule.foreign.reading.source import ascends, multiplies_by_backward
from chainrule.types import Array

UNKNOWN_RATE = 1.0  # where nothing tells the learning rate
HANDS_ON = (
    "the softmax hands on the gradient that it is given: right where that of the loss is p - y"
)
HANDS_ON_TO_ELSEWHERE = (
    "the softmax hands on the gradient that it is given, and no loss stands in its file: right "
    "where that of the loss is p - y"
)
WITH_ITS_LOSS = (
    "the softmax hands back p - y, times what it is given: the derivative of the cross-entropy "
    "that stands behind it"
)
FOR_HALF_SQUARES = (
    "the derivative of the loss is p - y, that of half the sum of squared errors, and the loss is "
    "a multiple of that: the learning rate takes up the factor"
)
SLOPE_ALONE = (
    "the slope of the activation alone is handed back: right, since what calls it multiplies by "
    "the gradient that comes from above"
)
FOR_SIGMOID = (
    "the derivative of the loss is p - y, that with respect to the logits of a sigmoid: right "
    "where the derivative of the sigmoid is not applied again, which was not seen"
)
FOR_LOGITS = (
    "the derivative of the loss is p - y, that with respect to the logits of a softmax: right "
    "where the softmax hands it on as it is"
)


def convention(found: Examination) -> str | None:
    """What code does that is right in a network that counts on it, if that is all.

    Many layers divide the gradients of the parameters by the number of examples, and hand on dx
    undivided, since the gradient of their loss is the sum's. And a loss averaged over all outputs
    often has a gradient that is averaged over examples alone: with one output that is the same.
    """
    subject, answer = found.subject, found.answer
    if isinstance(subject, LossPair) and subject.behind_softmax:
        codes = {each.code for name in found.wrong for each in found.signatures_of(name)}
        return FOR_LOGITS if "softmax-jacobian" in codes else None
    if subject.has_cross_entropy and _is_softmax_that_hands_on(found):
        return HANDS_ON
    if _is_softmax_with_its_loss(found):
        return WITH_ITS_LOSS
    if _is_of_half_squares(found):
        return FOR_HALF_SQUARES
    if (outputs := _averaged_over_examples(found)) is not None:
        return (
            f"the derivative is {outputs:g} times that of what the loss computes, which "
            "is the number of outputs here: averaged over examples alone, right with one output"
        )
    if _is_slope_alone(found):
        return SLOPE_ALONE
    if _are_yet_to_be_summed(found):
        names = " and ".join(map(found.shown, found.wrong))
        return f"{names} have one gradient for each, along the first axis: right where it is summed"
    parameters = [name for name in found.truths if name != "x"]
    if answer is None or not parameters or found.wrong != parameters:
        return None
    ratio = _ratio_of_all(found, parameters)
    names = " and ".join(found.shown(name) for name in parameters)
    if ratio is None:
        return None
    if ratio > 0 and subject.runs_once:
        return (
            f"{names} are {ratio:.4g} times those of the loss, all alike: the learning rate takes "
            "up the factor"
        )
    if ratio > 0 and subject.learning_rate == UNKNOWN_RATE and answer.updated >= set(parameters):
        return (
            f"{names} seen in the update are {ratio:.4g} times the gradients, all alike: the "
            "learning rate, which nothing is named after"
        )
    entries = np.size(answer.output) if answer.output is not None else 1
    if answer.dy is None and subject.is_guessed and abs(ratio / (entries / 2) - 1) < CLOSE:
        return (
            f"{names} are {ratio:g} times those of the loss, which is half the number of its "
            "entries: they are those of half the sum of squared errors, and the loss is their mean"
        )
    if not subject.batch or subject.batch < 2:
        return None
    if answer.dy is not None and abs(ratio * subject.batch - 1) < CLOSE:
        return (
            f"{names} divided by the number of examples ({subject.batch}), dx not: right where the "
            "gradient of the loss is that of the sum over the examples, and not divided before"
        )
    if answer.dy is None and abs(ratio + 1) < CLOSE and ascends(subject.files()):
        return (
            f"{names} have the opposite sign of the gradient of the loss: right, since the update "
            "adds them"
        )
    outputs = entries / subject.batch
    if answer.dy is None and subject.is_guessed and abs(ratio / outputs - 1) < CLOSE:
        return (
            f"{names} are {outputs:g} times those of the loss, which is the number of outputs "
            "here: right with one output"
        )
    return None


def settled_elsewhere(found: Examination) -> str | None:
    """What decides if the one gradient that is wrong by itself is right in its network, if that is
    nothing that was seen."""
    if _is_of_logits_of_sigmoid(found):
        return FOR_SIGMOID
    if _is_of_logits_of_cross_entropy(found):
        return FOR_LOGITS
    is_open = found.subject.is_guessed and not found.subject.has_loss
    return HANDS_ON_TO_ELSEWHERE if is_open and _is_softmax_that_hands_on(found) else None


def _is_slope_alone(found: Examination) -> bool:
    """True if an activation gives its slope in the place of dx, and one of the files multiplies by
    what its backward pass gives."""
    answer, given = found.answer, found.given("x")
    if answer is None or answer.dy is None or found.wrong != ["x"] or given is None:
        return False
    is_slope = given.shape == answer.dy.shape and found.truths["x"].agrees(given * answer.dy)
    return is_slope and multiplies_by_backward(found.subject.files())


def _difference(found: Examination) -> tuple[Array, Array, Array] | None:
    """Predictions, their difference from the targets, and the true gradient, where they are known,
    of a loss whose derivative is nothing but that difference."""
    subject, answer = found.subject, found.answer
    name = next(iter(subject.values), "")
    y = getattr(subject, "y", None)
    output = answer.output if answer else None
    is_loss = name == "y_pred" or (output is not None and np.ndim(output) == 0)
    if not is_loss or found.wrong != [name] or len(subject.values) > 1 or y is None:
        return None
    p, given, truth = subject.values[name], found.given(name), found.truths[name]
    if np.shape(y) != p.shape or given is None or not close(np.asarray(given), p - y):
        return None
    return p.ravel()[truth.where], (p - y).ravel()[truth.where], truth.entries


def _is_of_half_squares(found: Examination) -> bool:
    """True if the derivative of a squared error, however averaged, is p - y."""
    known = _difference(found)
    ratio = ratio_of(known[1], known[2]) if known else None
    return ratio is not None and ratio > 0


def _averaged_over_examples(found: Examination) -> float | None:
    """The number of outputs, if the derivative of a squared error, as an object, is so many times
    the true one."""
    subject, answer = found.subject, found.answer
    given, y = found.given("x"), getattr(subject, "y", None)
    output = answer.output if answer else None
    is_loss = list(subject.values) == ["x"] == found.wrong
    if not is_loss or output is None or np.ndim(output) or given is None or y is None:
        return None
    p, truth = subject.values["x"], found.truths["x"]
    if p.ndim < 2 or np.shape(y) != p.shape or given.shape != p.shape:
        return None
    outputs = float(np.prod(p.shape[1:]))
    ratio = ratio_of(np.asarray(given).ravel()[truth.where], truth.entries)
    is_it = ratio is not None and outputs > 1 and abs(ratio / outputs - 1) < CLOSE
    return outputs if is_it and ratio_of(np.asarray(given), p - y) else None


def _is_of_logits_of_sigmoid(found: Examination) -> bool:
    """True if the derivative of a binary cross-entropy, however averaged, is p - y."""
    known = _difference(found)
    if known is None:
        return False
    p, given, true = known
    ratio = ratio_of(given, true * p * (1 - p))
    return ratio is not None and ratio > 0


def _is_of_logits_of_cross_entropy(found: Examination) -> bool:
    """True if the derivative of a cross-entropy of classes is p - y, or a multiple of that: its
    softmax may stand in another file, or hand on what it is given."""
    subject, output = found.subject, found.answer.output if found.answer else None
    name = next(iter(subject.values), "")
    is_loss = name == "y_pred" or (output is not None and np.ndim(output) == 0)
    if not is_loss or found.wrong != [name] or len(subject.values) > 1:
        return False
    p, given, truth = subject.values[name], found.given(name), found.truths[name]
    ones = _with_ones(subject, p)
    if ones is None or given is None or given.shape != p.shape:
        return False
    ratios = (
        ratio_of(given, p - ones),
        ratio_of(truth.entries, (-ones / p).ravel()[truth.where]),
    )
    return all(ratio is not None and ratio > 0 for ratio in ratios)


def _with_ones(subject: Subject, p: Array) -> Array | None:
    """The classes of a loss as rows with a one.

    None if its targets are no classes. None too if they are such rows already and the loss is a
    function: its softmax is then looked for in the code beside it.
    """
    y = getattr(subject, "y", None)
    if y is None or not p.ndim:
        return None
    if y.dtype.kind in "iu" and y.ndim == p.ndim - 1:
        return np.asarray(np.eye(p.shape[-1])[y])
    are_ones = y.shape == p.shape and bool(np.isin(y, (0, 1)).all() and (y.sum(axis=-1) == 1).all())
    return np.asarray(y, np.float64) if are_ones and not isinstance(subject, LossPair) else None


def _is_softmax_that_hands_on(found: Examination) -> bool:
    """True if a softmax hands on what it is given."""
    if found.wrong != ["x"] or found.answer is None:
        return False
    codes = {each.code for each in found.signatures_of("x")}
    given, dy = found.given("x"), found.answer.dy
    handed_on = given is not None and dy is not None and np.array_equal(given, dy)
    return handed_on and "softmax-jacobian" in codes


def _is_softmax_with_its_loss(found: Examination) -> bool:
    """True if a softmax is handed the targets, too, and hands back the gradient of its loss."""
    answer, given = found.answer, found.given("x")
    if found.wrong != ["x"] or answer is None or answer.dy is None or given is None:
        return False
    output, targets = np.asarray(answer.output), getattr(found.subject, "targets_beside", None)
    if targets is None or output.ndim != 2 or given.shape != output.shape:
        return False
    is_softmax = any(np.allclose(output.sum(axis=axis), 1) for axis in (0, 1))
    ratio = ratio_of(given, answer.dy * (output - targets))
    return is_softmax and ratio is not None and ratio > 0


def _are_yet_to_be_summed(found: Examination) -> bool:
    """True if the wrong gradients, those of weights among them, are right once they are summed over
    a first axis that they have besides, or along which the parameter is one: one for each example,
    or step. A bias alone would be a sum forgotten."""
    for name in found.wrong:
        shape, given = found.truths[name].shape, np.asarray(found.given(name))
        full = (1, *shape) if given.ndim > len(shape) else shape
        if not full or given.ndim != len(full) or given.shape[0] == full[0]:
            return False
        axes = tuple(axis for axis, size in enumerate(full) if size == 1)
        if not found.truths[name].agrees(given.sum(axis=axes)):
            return False
    return any(not is_bias(name) for name in found.wrong)


def _ratio_of_all(found: Examination, names: list[str]) -> float | None:
    """The factor between gradients and true ones, if it is the same in all of them, those of one
    entry among them, whose own factor says nothing."""
    ratios = [_ratio(found, name) for name in names]
    first = ratios[0]
    if first is None or any(r is None or abs(r / first - 1) > CLOSE for r in ratios):
        return None
    return first


def _ratio(found: Examination, name: str) -> float | None:
    truth, given = found.truths[name], np.asarray(found.given(name), np.float64)
    if given.shape != truth.shape:
        return None
    return ratio_of(given.ravel()[truth.where], truth.entries)
