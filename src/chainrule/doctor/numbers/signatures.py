"""What the numbers alone say: how a wrong gradient differs from the true one."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from chainrule.doctor.numbers.evidence import CLOSE, Evidence, Signature, close, ratio_of
from chainrule.doctor.numbers.examples_used import some_examples
from chainrule.doctor.numbers.finite_differences import Truth
from chainrule.doctor.numbers.layer_kinds import by_kind
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.naming.parameter_names import is_bias
from chainrule.foreign.objects.gradients import fit
from chainrule.rewrites.factors import scale_advice
from chainrule.types import Array

POWERS_OF_BATCH_SIZE = {
    -1: "divided by the batch size ({}) once too often",
    1: "not divided by the batch size ({})",
    -2: "divided by the batch size ({}) twice",
    2: "multiplied by the batch size ({}) twice",
}


def signatures(evidence: Evidence) -> list[Signature]:
    """All that fits, the simplest first."""
    looks = (
        _absent,
        _not_finite,
        _of_another_value,
        _shape,
        _ratio,
        by_kind,
        _regularizer,
        _turned,
    )
    found = [look(evidence) for look in (*looks, some_examples)]
    return [signature for signature in found if signature is not None]


def _absent(evidence: Evidence) -> Signature | None:
    given, known = evidence.given, evidence.known()
    is_zero = known is not None and not np.any(known[0]) and np.any(known[1])
    if given is not None and not is_zero:
        return None
    code = "missing-bias-gradient" if is_bias(evidence.name) else "missing-gradient"
    what = "no gradient was found" if given is None else "every entry is zero"
    truth = f"; the true one has entries up to {evidence.truth.scale:.3g}"
    advice = (
        "sum the gradient of the layer's output over the examples"
        if code == "missing-bias-gradient"
        else "compute it, and keep or return it under its usual name"
    )
    return Signature(code, what + truth, advice, alone=True)


def _not_finite(evidence: Evidence) -> Signature | None:
    """NaN or infinity, where the true gradient is a number: it is wrong whatever it is held to."""
    given = evidence.given
    if given is None or np.all(np.isfinite(given)):
        return None
    bad = int(np.sum(~np.isfinite(given)))
    kind = "NaN" if np.isnan(given).any() else "infinity"
    text = f"{bad} of {np.size(given)} entries are {kind}, where the true gradient is finite"
    advice = "look for 0 / 0, for the logarithm of 0 and for exp of large numbers on the way to it"
    return Signature("not-finite", text, advice, alone=True)


def _shape(evidence: Evidence) -> Signature | None:
    given, truth = evidence.given, evidence.truth
    if given is None or evidence.fitted is not None:
        return None
    if evidence.updated:
        text = f"the update changes its shape from {truth.shape} to {np.shape(given)}"
        advice = "subtract a gradient of the parameter's own shape: sum it, and look at keepdims"
        return Signature("shape-changes", text, advice, alone=True)
    given, shapes = np.asarray(given), f"shape {np.shape(given)}, but {truth.shape} is expected"
    if sorted(given.shape) == sorted(truth.shape) and given.ndim > 1:
        signature = _transposed_shape(given, truth, shapes)
        if signature:
            return signature
    if not truth.is_whole:
        return Signature("unknown", shapes)
    true = truth.array
    for axes in _axes(given):
        summed = fit(given.sum(axis=axes), truth.shape)
        if summed is not None and close(summed, true):
            where = "axis" if len(axes) == 1 else "axes"
            evidence_text = (
                f"{shapes}: summed over {where} {', '.join(map(str, axes))} it is the true gradient"
            )
            advice = f"sum over {where} {', '.join(map(str, axes))}"
            return Signature("wrong-axis", evidence_text, advice, alone=True)
    if close(np.array([given.sum()]), np.array([true.sum()])):
        text = f"{shapes}; its sum is that of the true one: it was summed over another axis"
        return Signature("wrong-axis", text, "sum over the axis of the examples", alone=True)
    crop = _crop(given, true)
    if crop is not None:
        text = f"{shapes}: without a border of {crop} it is the true gradient"
        return Signature("padding-crop", text, "cut the padding off the result", alone=True)
    return Signature("unknown", shapes)


def _transposed_shape(given: Array, truth: Truth, shapes: str) -> Signature | None:
    turned = fit(given.T, truth.shape)
    if turned is not None and truth.agrees(turned):
        text = f"{shapes}: its transpose is the true gradient"
        return Signature("transposed", text, "exchange the factors of the product", alone=True)
    if turned is not None and len(truth.where):
        ratio = ratio_of(turned.ravel()[truth.where], truth.entries)
        if ratio is not None:
            text = f"{shapes}: its transpose is {ratio:.4g} times the true gradient"
            return Signature("transposed", text, "exchange the factors of the product")
    return None


def _axes(given: Array) -> list[tuple[int, ...]]:
    return [axes for n in range(1, given.ndim + 1) for axes in combinations(range(given.ndim), n)]


def _crop(given: Array, true: Array) -> int | None:
    """How wide a border `given` has around `true`."""
    if given.ndim != true.ndim:
        return None
    borders = {(g - t) for g, t in zip(given.shape, true.shape, strict=True) if g != t}
    if len(borders) != 1 or (border := borders.pop()) <= 0 or border % 2:
        return None
    inside = tuple(
        slice(border // 2, g - border // 2) if g != t else slice(None)
        for g, t in zip(given.shape, true.shape, strict=True)
    )
    return border // 2 if close(given[inside], true) else None


def _ratio(evidence: Evidence) -> Signature | None:
    known = evidence.known()
    if known is None:
        return None
    ratio = ratio_of(*known)
    if ratio is None or abs(ratio - 1) < CLOSE:
        return None
    if len(known[0]) < 2 and not _is_plain(ratio, evidence.subject.batch):
        return None  # two numbers always have a ratio
    if not evidence.truth.is_whole and not evidence.truth.agrees(
        np.asarray(evidence.fitted) / ratio
    ):
        return None
    return of_ratio(ratio, evidence.subject)


def _is_plain(ratio: float, count: int | None) -> bool:
    """True if a factor is one that mistakes usually give: a sign, 2, 1/2, the batch size."""
    plain = [-1.0, 2.0, 0.5, *((count, 1 / count, count**2, 1 / count**2) if count else ())]
    return any(abs(ratio / each - 1) < CLOSE for each in plain)


def of_ratio(ratio: float, subject: Subject) -> Signature:
    """The cause of a constant factor."""
    count = subject.batch
    text = f"every entry is {_as_fraction(ratio)} the true gradient"
    if abs(ratio + 1) < CLOSE:
        return Signature(
            "sign",
            "every entry has the opposite sign of the true gradient",
            "turn the sign round",
            alone=True,
            ratio=ratio,
        )
    if ratio < 0:
        return Signature("sign", text, "turn the sign round", ratio=ratio)
    power = _power(ratio, count)
    if power is not None:
        did = POWERS_OF_BATCH_SIZE[power].format(count)
        advice = "leave one division out" if power < 0 else "divide by the number of examples"
        return Signature("batch-scale", f"{text}: {did}", advice, ratio=ratio)
    return Signature("constant-scale", text, scale_advice(ratio), ratio=ratio)


def _power(ratio: float, count: int | None) -> int | None:
    """Which power of the batch size a factor is."""
    if not count or count < 2:
        return None
    return next((p for p in POWERS_OF_BATCH_SIZE if abs(ratio / count**p - 1) < CLOSE), None)


def _as_fraction(ratio: float) -> str:
    """A factor in words: ``2 times``, ``1/5 of``."""
    for numerator in range(1, 10):
        for denominator in (1, numerator / abs(ratio) if ratio else 1):
            whole = round(denominator)
            if whole and abs(abs(ratio) * whole / numerator - 1) < CLOSE:
                sign = "-" if ratio < 0 else ""
                if whole == 1:
                    return f"{sign}{numerator} times"
                return f"{sign}{numerator}/{whole} of"
    return f"{ratio:.4g} times"


def _regularizer(evidence: Evidence) -> Signature | None:
    known = evidence.known()
    if known is None or evidence.name not in evidence.values:
        return None
    given, true = known
    weights = evidence.values[evidence.name].ravel()[evidence.truth.where]
    if weights.size < 2 or evidence.name in ("x", "y_pred"):
        return None
    for shape, words in ((weights, "the weights"), (np.sign(weights), "the weights' signs")):
        ratio = ratio_of(true - given, shape)
        if ratio is not None and abs(ratio) > 1e-7:
            text = f"what is missing to the true gradient is {ratio:.4g} times {words}"
            advice = f"add {ratio:.4g} times {words}, the gradient of the regularizer"
            return Signature("missing-regularizer", text, advice, alone=True)
    return None


def _turned(evidence: Evidence) -> Signature | None:
    fitted, truth = evidence.fitted, evidence.truth
    if fitted is None or fitted.ndim != 2 or fitted.shape[0] != fitted.shape[1]:
        return None
    if fitted.shape[0] > 1 and truth.agrees(fitted.T):
        return Signature(
            "transposed",
            "its transpose is the true gradient",
            "exchange the factors of the product",
            alone=True,
        )
    return None


def _of_another_value(evidence: Evidence) -> Signature | None:
    """The gradient of another value, such as the input's for the weights'."""
    given = evidence.given
    if given is None or not np.size(given):
        return None
    for name, other in evidence.others.items():
        if name == evidence.name or other is None or np.shape(other) != np.shape(given):
            continue
        if np.any(other) and close(np.asarray(other), np.asarray(given)):
            whose = "the input" if name == "x" else name
            text = f"it is the gradient of {whose}, not of {evidence.name}"
            advice = f"write the gradient of {evidence.name} here"
            return Signature("wrong-variable", text, advice, alone=True)
    return None
