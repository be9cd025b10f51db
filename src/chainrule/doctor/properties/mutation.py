"""Arrays that were handed in and are changed."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.doctor.findings import Finding
from chainrule.doctor.subjects.lines import line_of_change
from chainrule.doctor.subjects.program import Program


def mutated(subject: Program) -> list[Finding]:
    """Inputs, targets and upstream gradients that are changed in place."""
    done = subject.run(subject.values)
    findings = []
    kept: dict[str, Any] = {"x": subject.values.get("x", subject.x), "y": subject.y}
    changed = [n for n, v in kept.items() if v is not None and not _same(done.roles[n], v)]
    for name in changed:
        line = line_of_change(subject.code.forward(done.state))
        findings.append(_mutation(name, "forward", line))
    before: dict[str, Any] = {n: np.array(v) for n, v in done.roles.items() if n in ("x", "y")}
    subject.backward(done, subject.values)
    before["dy"] = subject.dy
    for name, value in before.items():
        now = subject.handed_in.get(name)
        if value is None or now is None or _same(now, value):
            continue
        line = line_of_change(subject.code.backward(done.state))
        findings.append(_mutation(name, "backward", line))
    return findings


def _same(one: Any, other: Any) -> bool:
    return np.array_equal(one, other, equal_nan=True)


def _mutation(name: str, which: str, line: int | None) -> Finding:
    return Finding(
        name,
        "mutates-input",
        True,
        f"after the {which} pass `{name}` holds other numbers than before",
        line,
        "compute into a new array, or copy it first",
    )
