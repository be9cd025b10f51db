"""Large inputs in float32."""

from __future__ import annotations

import linecache
from typing import Any

import numpy as np

from chainrule.doctor.findings import Finding
from chainrule.doctor.subjects.pairs import ActivationPair
from chainrule.doctor.subjects.program import Program
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.reading.source import files_of
from chainrule.foreign.running.watching import watching
from chainrule.types import Array


def overflow(subject: Subject) -> list[Finding]:
    """NaN or infinity in float32, where float64 gives a number that float32 can hold."""
    if "x" not in subject.values:
        return []
    x = subject.values["x"]
    size = float(np.abs(x).max(initial=0)) or 1.0
    for magnitude in (100.0, 300.0, 30.0):
        large = x / size * magnitude
        try:
            wide = _output(subject, large, np.float64)
            narrow = _output(subject, large, np.float32)
        except Exception:  # user code: it may refuse large inputs, or float32
            return []
        if not wide.ndim or not np.all(np.isfinite(wide)) or np.abs(wide).max(initial=0) > 1e30:
            continue
        if narrow.dtype == np.float32 and not np.all(np.isfinite(narrow)):
            kind = "NaN" if np.isnan(narrow).any() else "infinity"
            return [
                Finding(
                    "forward",
                    "overflow",
                    True,
                    f"with inputs up to {magnitude:g} the output in float32 holds {kind}",
                    _line_of_exp(subject),
                    "subtract the largest entry before exp, or exponentiate numbers that are "
                    "never positive",
                )
            ]
    return []


def _output(subject: Subject, x: Array, kind: type[np.floating[Any]]) -> Array:
    """The output for an input in a type of floats; nothing, where that cannot be asked for."""
    with np.errstate(all="ignore"):
        if isinstance(subject, ActivationPair):
            return np.asarray(subject.function(x.astype(kind)))
        if isinstance(subject, Program):
            return subject.output_in(x, kind)
    return np.zeros(0)


def _line_of_exp(subject: Subject) -> int | None:
    """The first line that calls exp in a function that the forward pass runs."""
    with watching(files_of(subject.functions())) as seen:
        subject.loss(subject.values)
    for code in seen:
        last = max((line for *_, line in code.co_lines() if line), default=code.co_firstlineno)
        for number in range(code.co_firstlineno, last + 1):
            if "exp(" in linecache.getline(code.co_filename, number):
                return number
    return None
