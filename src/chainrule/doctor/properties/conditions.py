"""Shapes, ties, large inputs and the prediction pass: where code that is right at one point may
fail."""

from __future__ import annotations

import inspect
import linecache
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.doctor.findings import Finding
from chainrule.doctor.numbers.evidence import close
from chainrule.doctor.subjects.lines import line_assigning
from chainrule.doctor.subjects.pairs import ActivationPair
from chainrule.doctor.subjects.program import Program
from chainrule.doctor.subjects.subject import Subject, shown
from chainrule.foreign.calling import call
from chainrule.foreign.source import files_of
from chainrule.foreign.state import Values
from chainrule.foreign.watching import watching
from chainrule.types import Array


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
    if abs(total - up) <= 1e-6 * max(1.0, abs(up)) or not _picks_entries(subject, values):
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
