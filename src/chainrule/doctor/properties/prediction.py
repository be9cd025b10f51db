"""The prediction pass beside the training pass."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.doctor.findings import Finding
from chainrule.doctor.numbers.evidence import close
from chainrule.doctor.subjects.program import Program
from chainrule.foreign.calls.calling import call
from chainrule.types import Array


def prediction(subject: Program, predict: Callable[..., Any]) -> list[Finding]:
    """The prediction pass beside the training pass, on the same input and parameters."""
    done = subject.run(subject.values)
    state = subject.fresh_state(subject.values)
    function = _of_state(predict, subject.code.state, state)
    roles: dict[str, Any] = {"x": subject.values.get("x", subject.x).copy(), "training": False}
    named: dict[str, Any] = dict(subject.extra)
    if subject.code.is_dictionary:
        roles["parameters"] = state
        named |= state
    with np.errstate(all="ignore"), subject.randomness.frozen():
        given = call(function, roles, named, ("x", "parameters"))
    given = np.asarray(given[0] if isinstance(given, tuple) else given)
    output = done.output
    if _predicts(given, output) or subject.is_random():
        return []
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return [
        Finding(
            "predict",
            "train-predict-mismatch",
            True,
            _difference(given, output),
            getattr(code, "co_firstlineno", None),
            "let both passes go through the same code",
        )
    ]


def _predicts(given: Array, output: Array) -> bool:
    """True if a prediction is the output, or the classes that the output says."""
    if given.shape == output.shape and given.dtype.kind == "f":
        return close(given.astype(float), output.astype(float)) or bool(
            np.allclose(given, output, rtol=1e-6, atol=1e-9)
        )
    if given.dtype.kind not in "iub" and given.size >= output.size:
        return False
    likeliest = [np.argmax(output, axis=axis) for axis in range(output.ndim)]
    return any(
        np.array_equal(given.ravel(), classes.ravel())
        for classes in (*likeliest, (output > 0.5).astype(int))
    )


def _of_state(function: Callable[..., Any], pristine: Any, state: Any) -> Callable[..., Any]:
    """A method of the copy, where `function` is a method of the object that was copied."""
    if inspect.ismethod(function) and function.__self__ is pristine:
        return getattr(state, function.__name__)
    return function


def _difference(given: Array, output: Array) -> str:
    if given.shape != output.shape:
        return f"it gives shape {given.shape}, the training pass {output.shape}"
    gap = float(np.abs(given.astype(float) - output).max())
    return f"for the same input it differs from the training pass by up to {gap:.3g}"
