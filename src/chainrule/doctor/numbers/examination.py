"""The examination: which gradients are wrong, why, and on which line.

Two ways must agree before a finding is certain. The numbers: how the wrong gradient differs from
the true one. And the source: a small change of the code that makes the gradient right. Where one
of them finds nothing, the other is believed alone only if nothing else fits.
"""

from __future__ import annotations

import copy

import numpy as np

from chainrule.doctor.failure import is_own
from chainrule.doctor.findings import Comparison
from chainrule.doctor.numbers.conventions import convention, settled_elsewhere
from chainrule.doctor.numbers.epsilons import (
    BEYOND,
    NEARLY,
    note_on,
    share_of_epsilon,
    with_moderate_parameters,
)
from chainrule.doctor.numbers.evidence import Evidence, close
from chainrule.doctor.numbers.examined import Examination
from chainrule.doctor.numbers.finite_differences import (
    EVALUATIONS,
    FLOAT32,
    Precision,
    Truth,
    measure,
    probe,
)
from chainrule.doctor.numbers.signatures import signatures
from chainrule.doctor.subjects.subject import Answer, Subject
from chainrule.foreign.errors import CannotCheckError, EndlessError, EndsProgramError
from chainrule.foreign.naming.parameter_names import is_factor, is_parameter
from chainrule.foreign.objects.gradients import fit
from chainrule.foreign.running import effort
from chainrule.foreign.running.randomness import nobody_else_draws, random_like
from chainrule.types import Array

# Lines, as `effort` counts them:
MEASURING = 1_500_000  # for the entries of true gradients
# Entries of a gradient:
AT_LEAST = 40  # are measured, whatever the effort
ALIGNED = 100  # tell which loss is meant


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


@nobody_else_draws()
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
    if (elsewhere := settled_elsewhere(found)) is not None:
        name = found.wrong.pop()
        found.unchecked.append(f"{found.shown(name)}: {elsewhere}")
        del found.truths[name]
    if (note := convention(found)) is not None:
        found.notes.append(note)
        found.wrong.clear()


def _share_of_epsilon(found: Examination, name: str) -> float | None:
    output = found.answer.output if found.answer else None
    return share_of_epsilon(found.subject, name, found.given(name), found.truths[name], output)


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


def _returns_gradient_of_kernels(found: Examination) -> bool:
    """True if a layer over images hands back the gradient of its kernels in the place of dx."""
    given = found.given("x")
    if "x" not in found.wrong or given is None or np.shape(given) == found.truths["x"].shape:
        return False
    others = found.answer.gradients if found.answer else {}
    kernels = [g for n, g in others.items() if n != "x" and g is not None and g.ndim > 2]
    return any(close(np.asarray(given), kernel) for kernel in kernels)


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


@nobody_else_draws()
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
    """Each gradient beside the true one. Where the backward pass raises an exception, none of those
    that are due is given."""
    if found.corrected is not None:
        return [
            Comparison(
                found.corrected.shown(name),
                right=False,
                true=found.truths[name].array if name in found.truths else None,
            )
            for name in found.corrected.truths
        ]
    return [
        Comparison(
            found.shown(name),
            name not in found.wrong,
            found.given(name),
            found.truths[name].array if name in found.wrong else found.given(name),
        )
        for name in found.truths
    ]
