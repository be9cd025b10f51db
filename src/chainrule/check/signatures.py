"""What the numbers alone say: how a wrong gradient differs from the true one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from chainrule.check.calculus import Truth, fit
from chainrule.check.naming import is_bias
from chainrule.check.subject import Array, Subject, Values

CLOSE = 1e-4  # two arrays that differ by less, of the larger one's size, are the same


@dataclass(frozen=True)
class Signature:
    """A cause that the numbers fit.

    Args:
        alone: whether nothing else fits them.
        ratio: the gradient over the true one, where that is the same for every entry.
    """

    code: str
    evidence: str
    suggestion: str = ""
    alone: bool = False
    ratio: float | None = None


@dataclass
class Evidence:
    """A wrong gradient beside the true one."""

    name: str  # of the value
    given: Array | None
    truth: Truth
    subject: Subject
    values: Values
    updated: bool = False  # the gradient is what an update did
    others: dict[str, Array | None] = field(default_factory=dict)  # all gradients given

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
    """Whether two arrays are the same up to the precision of the true gradient."""
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


def signatures(evidence: Evidence) -> list[Signature]:
    """All that fits, the simplest first."""
    found: list[Signature] = []
    from chainrule.check.kinds import by_kind

    for look in (
        *(_absent, _of_another_value, _shape, _ratio, by_kind, _regularizer, _turned),
        _some_examples,
    ):
        signature = look(evidence)
        if signature is not None:
            found.append(signature)
    return found


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
    if power:
        times = "twice" if abs(power) > 1 else "once too often"
        did = (
            f"divided by the batch size ({count}) {times}"
            if power < 0
            else (
                f"not divided by the batch size ({count})"
                if power == 1
                else f"multiplied by the batch size ({count}) twice"
            )
        )
        advice = "leave one division out" if power < 0 else "divide by the number of examples"
        return Signature("batch-scale", f"{text}: {did}", advice, ratio=ratio)
    return Signature("constant-scale", text, _scale_words(ratio), ratio=ratio)


def _scale_words(ratio: float) -> str:
    return f"divide it by {ratio:.6g}" if ratio > 1 else f"multiply it by {1 / ratio:.6g}"


def _power(ratio: float, count: int | None) -> int | None:
    if not count or count < 2:
        return None
    return next((p for p in (-1, 1, -2, 2) if abs(ratio / count**p - 1) < CLOSE), None)


def _as_fraction(ratio: float) -> str:
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
    """Whether it is the gradient of another value, such as the input's for the weights'."""
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


def _some_examples(evidence: Evidence) -> Signature | None:
    """Whether the gradient is that of some examples only: Σ_n c_n of what each contributes."""
    known, count = evidence.known(), evidence.subject.batch
    if known is None or not count or not 2 <= count <= 12 or evidence.name in ("x", "y_pred"):
        return None
    given, _ = known
    if ratio_of(*known) is not None:
        return None
    shares = shares_of_examples(evidence, count)
    if shares is None or not np.any(given):
        return None
    used = _examples_used(shares, given)
    if not used or len(used) == count:
        return None
    which = ", ".join(str(n) for n in used)
    text = (
        f"it is the gradient of example {which} alone"
        if len(used) == 1
        else f"it is the gradient of the examples {which}, out of {count}"
    )
    return Signature("partial-sum", text, "sum over all examples", alone=True)


def _examples_used(shares: Array, given: Array) -> list[int]:
    """The examples whose shares make up the gradient: one of them, all but one, or any."""
    count = len(shares)
    if len(given) < 3:
        return []
    for n, share in enumerate(shares):
        if _is_share(given, share, count):
            return [n]
    total = shares.sum(axis=0)
    for n, share in enumerate(shares):
        counts = np.abs(share).max() > 0.01 * np.abs(total).max()
        if counts and _is_share(given, total - share, count):
            return [m for m in range(count) if m != n]
    if len(given) <= count or np.linalg.matrix_rank(shares) < count:
        return []
    weights, *_ = np.linalg.lstsq(shares.T, given, rcond=None)
    if not close(weights @ shares, given):
        return []
    return [n for n, weight in enumerate(weights) if abs(weight) > CLOSE]


def _is_share(given: Array, share: Array, count: int) -> bool:
    """Whether a gradient is some examples' share, summed or averaged."""
    ratio = ratio_of(given, share)
    return ratio is not None and any(abs(ratio / r - 1) < CLOSE for r in (1, count, 1 / count))


def shares_of_examples(evidence: Evidence, count: int) -> Array | None:
    """What each example adds to the true gradient, at the entries that are known."""
    shares = []
    for example in range(count):
        loss = evidence.subject.only(example)
        if loss is None:
            return None
        try:
            shares.append(_slopes(loss, evidence))
        except Exception:  # code may take no single example
            return None
    return np.array(shares)


def _slopes(loss: Callable[[Values], float], evidence: Evidence) -> Array:
    size, values, name = int(np.prod(evidence.truth.shape)), evidence.values, evidence.name
    slopes = []
    for position in evidence.truth.where:
        step = np.zeros(size)
        step[position] = 1e-4
        change = step.reshape(evidence.truth.shape)
        up = loss({**values, name: values[name] + change})
        down = loss({**values, name: values[name] - change})
        slopes.append((up - down) / 2e-4)
    return np.array(slopes)
