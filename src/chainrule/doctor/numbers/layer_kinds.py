"""Layers recognized by what they compute, and the gradients that typical mistakes give for them.

A softmax, a normalization or an activation needs no name to be known: its output shows it. For each
the usual wrong gradients can be written down and held against the one that the code gives.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from chainrule.doctor.numbers.evidence import Evidence, Signature, close, ratio_of
from chainrule.doctor.numbers.normalization_paths import normalization
from chainrule.doctor.subjects.pairs import OTHER_POINT, ActivationPair, LossPair
from chainrule.types import Array

Slope = Callable[[Array], Array]


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _mish_slope(x: Array) -> Array:
    t = np.tanh(np.log1p(np.exp(x)))
    return np.asarray(t + x * (1 - t**2) * _sigmoid(x))


# Derivatives as functions of the input.
SLOPES: dict[str, Slope] = {
    "sigmoid": lambda x: _sigmoid(x) * (1 - _sigmoid(x)),
    "tanh": lambda x: 1 - np.tanh(x) ** 2,
    "ReLU": lambda x: (x > 0).astype(float),
    "softplus": _sigmoid,
    "ELU": lambda x: np.where(x > 0, 1, np.exp(np.minimum(x, 0))),
    "leaky ReLU (0.01)": lambda x: np.where(x > 0, 1, 0.01),
    "leaky ReLU (0.1)": lambda x: np.where(x > 0, 1, 0.1),
    "SiLU": lambda x: _sigmoid(x) * (1 + x * (1 - _sigmoid(x))),
    "Mish": _mish_slope,
    "softsign": lambda x: 1 / (1 + np.abs(x)) ** 2,
    "arctan": lambda x: 1 / (1 + x**2),
    "sine": np.cos,
    "exp": np.exp,
}
# Derivatives as functions of the output.
OUTPUT_SLOPES: dict[str, Slope] = {
    "sigmoid": lambda y: y * (1 - y),
    "tanh": lambda y: 1 - y**2,
    "ELU": lambda y: np.where(y > 0, 1, y + 1),
}


def by_kind(evidence: Evidence) -> Signature | None:
    """What the kind of layer says of its input's gradient."""
    subject, given = evidence.subject, evidence.fitted
    if given is None or not evidence.truth.is_whole:
        return None
    if isinstance(subject, LossPair):
        return _loss(evidence, subject)
    if evidence.name != "x":
        return None
    output, dy = _output(evidence), getattr(subject, "dy", None)
    if output is None or dy is None or output.shape != evidence.truth.shape:
        return None
    x = evidence.values["x"]
    for look in (_softmax, _activation, normalization):
        with np.errstate(all="ignore"):
            signature = look(evidence, x, output, dy, given)
        if signature is not None:
            return signature
    return None


def _output(evidence: Evidence) -> Array | None:
    """What the forward pass gives."""
    try:
        output = evidence.subject.gradients(evidence.values).output
    except Exception:  # user code, perhaps with a correction that is tried out
        return None
    return None if output is None else np.asarray(output, np.float64)


# --- softmax --------------------------------------------------------------------------------


def _softmax(evidence: Evidence, x: Array, y: Array, dy: Array, given: Array) -> Signature | None:
    axis = _softmax_axis(x, y)
    if axis is None:
        return None

    def product(v: Array) -> Array:
        return y * (v - np.sum(v * y, axis=axis, keepdims=True))

    for text, wrong in (
        ("its diagonal y (1 - y) alone is used", dy * y * (1 - y)),
        ("it is left out, and dy passed through", dy),
        ("it is applied twice", product(product(dy))),
        ("the sum over the other outputs is missing", dy * y),
        ("only the sum over the outputs is used", -y * np.sum(dy * y, axis=axis, keepdims=True)),
    ):
        if close(given, wrong):
            return Signature(
                "softmax-jacobian",
                f"the Jacobian of the softmax: {text}",
                "dx = y (dy - Σ dy y), the sum over the outputs of one example",
                alone=True,
            )
    return None


def _softmax_axis(x: Array, y: Array) -> int | None:
    """The axis along which y is the softmax of x."""
    if not (y > 0).all() or y.ndim < 1:
        return None
    for axis in range(y.ndim):
        if y.shape[axis] < 2 or not np.allclose(y.sum(axis=axis), 1):
            continue
        rest = np.log(y) - x
        if np.allclose(rest, rest.mean(axis=axis, keepdims=True), atol=1e-6):
            return axis
    return None


# --- activations ----------------------------------------------------------------------------


def _activation(
    evidence: Evidence, x: Array, y: Array, dy: Array, given: Array
) -> Signature | None:
    """f'(x) of a function of each entry alone: what was taken for it."""
    if set(evidence.values) != {"x"} or not _is_elementwise(evidence, x, y):
        return None
    if evidence.subject.is_random():
        return Signature(
            "dropout-mask",
            "dy is not multiplied by what the forward pass multiplied x by, the mask with its "
            "scale",
            "multiply dy by the mask and scale of the forward pass",
            alone=True,
        )
    taken = given / dy
    if close(taken, np.ones_like(taken)):
        return Signature(
            "missing-activation-derivative",
            "dy is passed through: the derivative is taken as 1",
            "multiply dy by the derivative",
            alone=True,
        )
    at_output = _slopes_at(evidence, y)
    if at_output is not None and close(taken, at_output):
        return _wrong_point("it is the derivative taken of the output, f'(f(x))")
    signature = _reversed_point(evidence, x)
    if signature is not None:
        return signature
    at_dy = _slopes_at(evidence, dy)
    if at_dy is not None and close(taken, at_dy):
        return _wrong_point("it is the derivative taken of dy, not of the input")
    return _known_slope(evidence.truth.array / dy, taken, x, y)


def _wrong_point(evidence: str, advice: str = "take the derivative at the input") -> Signature:
    return Signature("derivative-at-wrong-point", evidence, advice, alone=True)


def _known_slope(slopes: Array, taken: Array, x: Array, y: Array) -> Signature | None:
    """The derivative of a known function, but of another one, or taken elsewhere.

    Args:
        slopes: the true derivative.
        taken: what was taken for it.
        x, y: the input and the output.
    """
    own = [name for name, slope in SLOPES.items() if close(slopes, slope(x))]
    for name, slope in SLOPES.items():
        if name not in own and close(taken, slope(x)):
            return _other(name)
    for name, slope in OUTPUT_SLOPES.items():
        if name not in own and close(taken, slope(y)):
            return _other(name)
        if name in own and (close(taken, slope(x)) or close(taken, SLOPES[name](y))):
            return _wrong_point(
                f"it is the derivative of {name} as a function of the output, given the input, "
                "or the reverse",
                "hand it what it is a function of",
            )
    return None


def _other(name: str) -> Signature:
    """The derivative of a function that the forward pass does not apply."""
    return Signature(
        "wrong-activation-derivative",
        f"it is the derivative of {name}",
        "take the derivative of the function that the forward pass applies",
        alone=True,
    )


def _is_elementwise(evidence: Evidence, x: Array, y: Array) -> bool:
    """True if each output depends on the input at its own place alone: so does the truth."""
    subject = evidence.subject
    if isinstance(subject, ActivationPair):
        return True
    moved = x.copy()
    moved.ravel()[::2] += 0.37
    other = _outputs_at(evidence, moved)
    if other is None or other.shape != y.shape:
        return False
    return bool(np.allclose(other.ravel()[1::2], y.ravel()[1::2], rtol=1e-9, atol=1e-12))


def _outputs_at(evidence: Evidence, x: Array) -> Array | None:
    """What the forward pass gives for another input."""
    subject = evidence.subject
    try:
        if isinstance(subject, ActivationPair):
            return subject.output(x)
        output = subject.gradients({**evidence.values, "x": x}).output
    except Exception:  # user code: it may refuse other inputs
        return None
    return None if output is None else np.asarray(output, np.float64)


def _slopes_at(evidence: Evidence, point: Array) -> Array | None:
    """f' at other points, numerically."""
    h = 1e-5
    up, down = _outputs_at(evidence, point + h), _outputs_at(evidence, point - h)
    if up is None or down is None or up.shape != point.shape:
        return None
    return (up - down) / (2 * h)


def _reversed_point(evidence: Evidence, x: Array) -> Signature | None:
    """The user's own derivative, where it is right once it is handed the output."""
    subject = evidence.subject
    if not isinstance(subject, ActivationPair):
        return None
    other = ActivationPair(subject.function, subject.derivative, x, OTHER_POINT[subject.of])
    try:
        given = other.gradients({"x": x}).gradients["x"]
    except Exception:  # the derivative may not take the other point
        return None
    if given is None or not evidence.truth.agrees(given):
        return None
    return _wrong_point(
        f"it is right as a function of the {other.of}, but is given the {subject.of}",
        f"hand it the {other.of}, or write it for the {subject.of}",
    )


# --- losses ---------------------------------------------------------------------------------


def _loss(evidence: Evidence, subject: LossPair) -> Signature | None:
    """p - y in the place of the derivative of a cross-entropy."""
    given, p, y = evidence.fitted, evidence.values["y_pred"], np.asarray(subject.y)
    if given is None or p.shape != y.shape:
        return None
    true = evidence.truth.array
    is_cross_entropy = ratio_of(true * p, y) is not None or (
        ratio_of(true * p * (1 - p), y - p) is not None
    )
    if is_cross_entropy and ratio_of(given, p - y) is not None:
        return Signature(
            "softmax-jacobian",
            "it is p - y, the derivative with respect to the logits, softmax or sigmoid included",
            "the derivative with respect to the predictions p is -y / p",
            alone=True,
        )
    return None
