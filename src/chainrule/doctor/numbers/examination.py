"""The examination: which gradients are wrong, why, and on which line.

Two ways must agree before a finding is certain. The numbers: how the wrong gradient differs from
the true one. And the source: a small change of the code that makes the gradient right. Where one
of them finds nothing, the other is believed alone only if nothing else fits.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np

from chainrule.doctor.failure import is_own
from chainrule.doctor.findings import Comparison
from chainrule.doctor.numbers.epsilons import (
    BEYOND,
    NEARLY,
    note_on,
    share_of_epsilon,
    with_moderate_parameters,
)
from chainrule.doctor.numbers.evidence import CLOSE, Evidence, Signature, close, ratio_of
from chainrule.doctor.numbers.finite_differences import (
    EVALUATIONS,
    FLOAT32,
    Precision,
    Truth,
    measure,
    probe,
)
from chainrule.doctor.numbers.signatures import signatures
from chainrule.doctor.subjects.pairs import LossPair
from chainrule.doctor.subjects.subject import Answer, Subject, shown
from chainrule.foreign.errors import CannotCheckError, EndlessError, EndsProgramError
from chainrule.foreign.naming.parameter_names import is_bias, is_factor, is_parameter
from chainrule.foreign.objects.gradients import fit
from chainrule.foreign.reading.source import ascends, files_of, multiplies_by_backward
from chainrule.foreign.running import effort
from chainrule.foreign.running.loading import line_in
from chainrule.foreign.running.randomness import nobody_else_draws, random_like
from chainrule.types import Array

# Lines, as `effort` counts them:
MEASURING = 1_500_000  # for the entries of true gradients
UNKNOWN_RATE = 1.0  # where nothing tells the learning rate
# Entries of a gradient:
AT_LEAST = 40  # are measured, whatever the effort
ALIGNED = 100  # tell which loss is meant
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


@dataclass
class Examination:
    """What is known about a subject at one point.

    Args:
        subject: the code.
        answer: the gradients that it gives; None where its backward pass raises an exception.
        error: that exception.
        truths: the true gradients that were compared, by value.
        wrong: the values whose gradients are wrong.
        nearly_right: gradients that leave out an epsilon, with the share of it in them.
        notes: what the report must say besides.
        unchecked: gradients that could not be compared, and why.
        signatures: what the numbers say of wrong gradients, by value.
    """

    subject: Subject
    answer: Answer | None
    error: Exception | None = None
    truths: dict[str, Truth] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    nearly_right: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)
    signatures: dict[str, list[Signature]] = field(default_factory=dict)

    def given(self, name: str) -> Array | None:
        """The code's gradient for a value."""
        return self.answer.gradients.get(name) if self.answer else None

    def shown(self, name: str) -> str:
        """What the gradient is called."""
        return shown(self.answer, name) if self.answer else f"d{name}"

    def signatures_of(self, name: str) -> list[Signature]:
        """What the numbers say of a gradient, the simplest first."""
        return self.signatures.get(name, [])

    def line_of_error(self) -> int | None:
        """Where in the user's file the exception was raised."""
        if self.error is None:
            return None
        files = files_of(self.subject.functions())
        return next((line for file in files if (line := line_in(self.error, file))), None)


@nobody_else_draws()
def examine(subject: Subject, seed: int = 0) -> Examination:
    """Compare every gradient with the true one.

    Args:
        seed: of the directions along which this is done.
    Raises:
        CannotCheckError: there are no gradients to compare.
    """
    try:
        answer, error = subject.gradients(subject.values), None
    except CannotCheckError:
        raise
    except Exception as raised:  # the code's own is a finding
        if is_own(raised) and not isinstance(raised, (EndlessError, EndsProgramError)):
            raise
        answer, error = None, raised
    found = Examination(subject, answer, error)
    precision = _precision(answer)
    if precision is FLOAT32:
        found.notes.append("the code computes in float32: only two digits can be compared")
    checked = _checked(subject, answer)
    if not checked:
        raise CannotCheckError(_nothing_to_compare(subject))
    for name in checked:
        truth = _probed(found, name, precision, seed)
        if not truth.slopes:
            measure(subject.loss, subject.values, name, truth, found.given(name), AT_LEAST)
        if not truth.is_known:
            found.unchecked.append(f"{found.shown(name)}: {_no_derivative(subject)}")
            continue
        if name == "x" and truth.scale <= truth.floor:
            found.unchecked.append("dx: the loss does not depend on the input here")
            continue
        found.truths[name] = truth
        if answer is None or not truth.agrees(answer.gradients.get(name)):
            found.wrong.append(name)
    return found


def _probed(found: Examination, name: str, precision: Precision, seed: int) -> Truth:
    """The true gradient along two directions; along two others where the code's disagrees, since
    a kink that the first ones cross may be too small to be seen."""
    subject = found.subject
    truth = probe(subject.loss, subject.values, name, precision, seed=seed)
    if not truth.slopes or truth.agrees(found.given(name)):
        return truth
    others = probe(subject.loss, subject.values, name, precision, seed=seed + 1)
    return others if others.slopes else truth


def _nothing_to_compare(subject: Subject) -> str:
    values = ", ".join(name for name in subject.values if name != "x") or "none"
    return (
        f"no gradient was found in what the backward pass of {subject.name} returns or keeps "
        f"(parameters: {values}): call it as the parameter with d or grad, dW1 or W1_grad"
    )


def _no_derivative(subject: Subject) -> str:
    """Why there is no true gradient."""
    value = subject.loss(subject.values)
    if not np.isfinite(value):
        return f"the loss is {value:g}, so it has no derivative to compare with"
    return "the loss has no derivative here: it jumps or has a kink wherever it was tried"


def _precision(answer: Answer | None) -> Precision:
    """How finely the code computes, by the type of its output."""
    if answer is None or answer.output is None:
        return Precision()
    return FLOAT32 if np.asarray(answer.output).dtype == np.float32 else Precision()


def _checked(subject: Subject, answer: Answer | None) -> list[str]:
    """The values whose gradients are due: all that have one, and parameters that should."""
    if answer is None:
        return [n for n in subject.values if n != "x" or len(subject.values) == 1]
    has = [name for name in subject.values if answer.gradients.get(name) is not None]
    if "x" in has and len(has) > 1 and answer.dy is None:
        has.remove("x")  # what a network hands on below its first layer serves nobody
    return [n for n, v in subject.values.items() if n in has or (n != "x" and _is_due(n, v))]


def _is_due(name: str, value: Array) -> bool:
    """True if a value should have a gradient: it is a parameter by its name, and no number that
    code only multiplies by, as the scale of a dropout."""
    return is_parameter(name) and not (value.ndim == 0 and is_factor(name))


def measure_wrong(found: Examination) -> None:
    """Find the true gradients of what is wrong, entry by entry, and what the numbers say."""
    subject, shares = found.subject, _shares(found)
    for name in list(found.wrong):
        truth = found.truths[name]
        measure(subject.loss, subject.values, name, truth, found.given(name), shares[name])
        given = found.given(name)
        if truth.agrees(given):  # a direction may have met a kink that the entries have not
            found.wrong.remove(name)
        elif (share := _share_of_epsilon(found, name)) is not None:
            found.wrong.remove(name)
            found.nearly_right[found.shown(name)] = share
            if share > NEARLY:
                found.unchecked.append(f"{found.shown(name)}: {BEYOND}")
        elif found.answer is not None:
            updated = name in found.answer.updated
            evidence = Evidence(name, given, truth, subject, updated, found.answer.gradients)
            found.signatures[name] = signatures(evidence)
    counted = {name: share for name, share in found.nearly_right.items() if share <= NEARLY}
    if counted:
        found.notes.append(note_on(counted))
    if _returns_gradient_of_kernels(found):
        found.wrong.remove("x")
        del found.truths["x"]
        found.unchecked.append(
            "dx: what is returned is the gradient of the kernels, which is enough for a first layer"
        )
    if (elsewhere := _settled_elsewhere(found)) is not None:
        name = found.wrong.pop()
        found.unchecked.append(f"{found.shown(name)}: {elsewhere}")
        del found.truths[name]
    if (note := convention(found)) is not None:
        found.notes.append(note)
        found.wrong.clear()


def _share_of_epsilon(found: Examination, name: str) -> float | None:
    output = found.answer.output if found.answer else None
    return share_of_epsilon(found.subject, name, found.given(name), found.truths[name], output)


def _settled_elsewhere(found: Examination) -> str | None:
    """What decides if the one gradient that is wrong by itself is right in its network, if that is
    nothing that was seen."""
    if _is_of_logits_of_sigmoid(found):
        return FOR_SIGMOID
    if _is_of_logits_beside_class_numbers(found):
        return FOR_LOGITS
    is_open = found.subject.is_guessed and not found.subject.has_loss
    return HANDS_ON_TO_ELSEWHERE if is_open and _is_softmax_that_hands_on(found) else None


def where_no_epsilon_shows(found: Examination) -> Examination:
    """The same examination where gradients that leave out an epsilon agree, and can be seen to stay
    right; as it is if others are wrong there, or no gradient leaves one out."""
    if not found.nearly_right:
        return found
    elsewhere = examine(with_moderate_parameters(found.subject))
    if elsewhere.error is not None or set(elsewhere.wrong) != set(found.wrong):
        return found
    measure_wrong(elsewhere)
    return elsewhere if set(elsewhere.wrong) == set(found.wrong) else found


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
    if ratio > 0 and _is_loop_with_its_loss(subject):
        return (
            f"{names} {ratio:.4g} times those of the loss that the loop computes, all alike: the "
            "learning rate takes up the factor"
        )
    if ratio > 0 and subject.learning_rate == UNKNOWN_RATE and answer.updated >= set(parameters):
        return (
            f"{names} seen in the update {ratio:.4g} times the gradients, all alike: the learning "
            "rate, which nothing is named after"
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
    entries = np.size(answer.output) if answer.output is not None else 1
    if answer.dy is None and subject.is_guessed and abs(ratio / (entries / 2) - 1) < CLOSE:
        return (
            f"{names} {ratio:g} times those of the loss, which is half the number of its entries: "
            "they are those of half the sum of squared errors, and the loss is their mean"
        )
    outputs = entries / subject.batch
    if answer.dy is None and subject.is_guessed and abs(ratio / outputs - 1) < CLOSE:
        return (
            f"{names} {outputs:g} times those of the loss, which is the number of outputs here: "
            "right with one output"
        )
    return None


def _is_loop_with_its_loss(subject: Subject) -> bool:
    """True for a loop's body whose own loss, which it may only print, is followed."""
    code = getattr(subject, "code", None)
    return bool(getattr(subject, "runs_once", False)) and code is not None and code.loss is None


def _returns_gradient_of_kernels(found: Examination) -> bool:
    """True if a layer over images hands back the gradient of its kernels in the place of dx."""
    given = found.given("x")
    if "x" not in found.wrong or given is None or np.shape(given) == found.truths["x"].shape:
        return False
    others = found.answer.gradients if found.answer else {}
    kernels = [g for n, g in others.items() if n != "x" and g is not None and g.ndim > 2]
    return any(close(np.asarray(given), kernel) for kernel in kernels)


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


def _is_of_logits_beside_class_numbers(found: Examination) -> bool:
    """True if the derivative of a cross-entropy of class numbers is p with 1 subtracted at each of
    them: its softmax may stand in another file."""
    subject, given = found.subject, found.given("y_pred")
    if not isinstance(subject, LossPair) or found.wrong != ["y_pred"] or given is None:
        return False
    p, classes, truth = subject.values["y_pred"], subject.y, found.truths["y_pred"]
    if classes.dtype.kind not in "iu" or classes.ndim != p.ndim - 1 or given.shape != p.shape:
        return False
    ones = np.eye(p.shape[-1])[classes]
    ratios = (
        ratio_of(given, p - ones),
        ratio_of(truth.entries, (-ones / p).ravel()[truth.where]),
    )
    return all(ratio is not None and ratio > 0 for ratio in ratios)


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
    """The factor between gradients and true ones, if it is the same in all of them."""
    ratios = [next((s.ratio for s in found.signatures_of(n)), None) for n in names]
    first = ratios[0]
    if first is None or any(r is None or abs(r / first - 1) > CLOSE for r in ratios):
        return None
    return first


def _shares(found: Examination) -> dict[str, int]:
    """How many entries of each wrong gradient are measured: the small ones leave their share to
    the large ones."""
    values, before = found.subject.values, effort.spent()
    found.subject.loss(values)
    left = MEASURING // (EVALUATIONS * (effort.spent() - before))
    shares = {}
    names = sorted(found.wrong, key=lambda name: values[name].size)
    for number, name in enumerate(names):
        share = max(AT_LEAST, left // (len(names) - number))
        shares[name] = min(share, values[name].size)
        left -= shares[name]
    return shares


def alignment(found: Examination) -> float:
    """The cosine between the smallest gradient that the code gives and the true one."""
    name = min(found.truths, key=lambda each: int(np.prod(found.truths[each].shape)))
    truth, given = found.truths[name], fit(found.given(name), found.truths[name].shape)
    if given is None:
        return 0.0
    measure(found.subject.loss, found.subject.values, name, truth, given, ALIGNED)
    ours = given.ravel()[truth.where]
    norms = float(np.linalg.norm(ours) * np.linalg.norm(truth.entries))
    return float(ours @ truth.entries) / norms if norms else 0.0


def second_point(found: Examination) -> tuple[Subject, dict[str, Truth]] | None:
    """The same code with other numbers, and the true gradients there, where there are any."""
    other = copy.copy(found.subject)
    other.values = {
        name: value + 0.3 * random_like(value, "second point", number)
        if name != "y_pred"  # predictions must remain probabilities
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


def comparisons(found: Examination) -> list[Comparison]:
    """Each gradient beside the true one."""
    return [
        Comparison(
            found.shown(name),
            name not in found.wrong,
            found.given(name),
            found.truths[name].array if name in found.wrong else found.given(name),
        )
        for name in found.truths
    ]
