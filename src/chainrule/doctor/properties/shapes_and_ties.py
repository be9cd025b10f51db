"""Gradients of another shape than their parameter, and of entries that tie for a maximum."""

from __future__ import annotations

import numpy as np

from chainrule.doctor.findings import Finding
from chainrule.doctor.subjects.lines import line_assigning
from chainrule.doctor.subjects.program import Program
from chainrule.doctor.subjects.subject import shown
from chainrule.foreign.objects.state import Values


def shapes(subject: Program) -> list[Finding]:
    """Gradients that, subtracted from their parameter, would give it another shape."""
    try:
        answer = subject.gradients(subject.values)
    except Exception:  # user code: what it raises was found before
        return []
    findings = []
    for name, gradient in answer.gradients.items():
        value = subject.values[name]
        if gradient is None or name == "x" or name in answer.updated:
            continue
        if np.size(gradient) != value.size or value.shape == np.shape(gradient):
            continue
        try:
            after = np.broadcast_shapes(value.shape, np.shape(gradient))
        except ValueError:
            continue
        if after != value.shape:
            findings.append(
                Finding(
                    shown(answer, name),
                    "shape-changes",
                    True,
                    f"it has shape {np.shape(gradient)}: subtracted from {name}, of shape "
                    f"{value.shape}, it gives {after}",
                    line_assigning(subject, shown(answer, name)),
                    "give the gradient the parameter's own shape: look at keepdims",
                )
            )
    return findings


def ties(subject: Program) -> list[Finding]:
    """Where entries tie for a maximum, moving all of them together has a derivative, and the
    gradients of the input must add up to it."""
    if subject.dy is None or set(subject.values) != {"x"} or subject.values["x"].ndim < 2:
        return []
    x = np.round(subject.values["x"])
    values = {"x": x + 0.5}
    try:
        at = {h: subject.loss({"x": values["x"] + h}) for h in (-1e-3, 0.0, 1e-3)}
        given = subject.gradients(values).gradients.get("x")
    except Exception:  # user code: it may refuse other inputs
        return []
    up, down = (at[1e-3] - at[0.0]) / 1e-3, (at[0.0] - at[-1e-3]) / 1e-3
    if given is None or np.shape(given) != x.shape or abs(up - down) > 1e-6 * max(1, abs(up)):
        return []
    total = float(np.sum(given))
    rounding = 1e-6 if subject.run(values).output.dtype == np.float64 else 1e-2
    if abs(total - up) <= rounding * max(1.0, float(np.abs(given).sum())) or not _picks_entries(
        subject, values
    ):
        return []
    return [
        Finding(
            "dx",
            "pool-ties",
            True,
            f"where entries tie for the maximum, the gradients of the input add up to {total:.4g} "
            f"in place of {up:.4g}: each of them receives the whole gradient",
            line_assigning(subject, "dx"),
            "give the gradient to one of them, the first as argmax does",
        )
    ]


def _picks_entries(subject: Program, values: Values) -> bool:
    """True if every output is one of the inputs, as in max-pooling."""
    output = subject.run(values).output
    return output.size < values["x"].size and bool(np.isin(output, values["x"]).all())
