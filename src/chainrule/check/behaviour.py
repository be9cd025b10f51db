"""What is held against code besides its gradients at one point: what a second call gives, what it
does to the arrays it was handed, ties, large inputs, and the prediction pass."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from chainrule.check import state as states
from chainrule.check.calling import call
from chainrule.check.causes import is_random
from chainrule.check.findings import Finding
from chainrule.check.own import OwnNetwork, own_behaviours
from chainrule.check.pairs import ActivationPair
from chainrule.check.program import Program
from chainrule.check.signatures import close
from chainrule.check.state import random_like
from chainrule.check.subject import Answer, Array, Subject, Values, shown

ZEROING = ("zero_grad", "zero_grads", "zero_gradients", "reset_grad", "reset_grads", "clear_grad")
ZEROING_TOO = ("clear_grads", "zero_gradient", "clear_gradients", "reset_gradients", "zerograd")


def behaviours(subject: Subject, example: dict[str, Any]) -> list[Finding]:
    """Everything wrong that gradients at one point do not show."""
    checks: list[Callable[[], list[Finding]]] = [lambda: overflow(subject)]
    if isinstance(subject, Program):
        program = subject
        checks += [
            lambda: mutated(program),
            lambda: second_call(program),
            lambda: shapes(program),
            lambda: ties(program),
        ]
        if "predict" in example:
            checks.append(lambda: prediction(program, example["predict"]))
    if isinstance(subject, OwnNetwork):
        checks = [lambda: own_behaviours(subject)]
    found: list[Finding] = []
    for check in checks:
        with suppress(Exception):  # what code raises here it has raised before, or only here
            found += check()
    return found


# --- arrays that were handed in ---------------------------------------------------------------


def mutated(subject: Program) -> list[Finding]:
    """Whether the input, the targets or the upstream gradient are changed in place."""
    done = subject.run(subject.values)
    findings = []
    kept = {"x": subject.values.get("x", subject.x), "y": subject.y}
    changed = [n for n, v in kept.items() if v is not None and not _same(done.roles[n], v)]
    for name in changed:
        line = _line_of_change(subject.code.forward(done.state), name)
        findings.append(_mutation(name, "forward", line))
    kept["dy"] = subject.dy
    before = {n: np.array(v) for n, v in done.roles.items() if n in ("x", "y")}
    subject.backward(done, subject.values)
    before["dy"] = subject.dy
    for name, value in before.items():
        now = subject.handed_in.get(name)
        if value is None or now is None or _same(now, value):
            continue
        line = _line_of_change(subject.code.backward(done.state), name)
        findings.append(_mutation(name, "backward", line))
    return findings


def _same(one: Any, other: Any) -> bool:
    return np.shape(one) == np.shape(other) and bool(np.array_equal(one, other, equal_nan=True))


def _mutation(name: str, which: str, line: int | None) -> Finding:
    return Finding(
        name,
        "mutates-input",
        True,
        f"after the {which} pass `{name}` holds other numbers than before",
        line,
        "compute into a new array, or copy it first",
    )


def _line_of_change(function: Callable[..., Any], role: str) -> int | None:
    """The line that changes an argument in place."""
    tree = _tree(function)
    if tree is None:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.AugAssign):
            return node.lineno
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            return node.lineno
    return None


def _tree(function: Callable[..., Any]) -> ast.AST | None:
    """The syntax tree of one function, with the line numbers of its file."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return None
    return ast.increment_lineno(tree, first - 1)


# --- a second call ------------------------------------------------------------------------------


def second_call(subject: Program) -> list[Finding]:
    """Forward and backward twice with the same object: other numbers in, then the same again."""
    other = _other_values(subject)
    try:
        state = subject.fresh_state(subject.values)
        first = _again(subject, state, subject.values)
        second = _again(subject, state, other)
        alone = subject.gradients(other)
    except Exception:
        return []  # what raises was found before
    names = [n for n in alone.gradients if alone.gradients[n] is not None]
    stale = []
    for name in names:
        one, two, right = (a.gradients.get(name) for a in (first, second, alone))
        if two is None or right is None or one is None or np.shape(two) != np.shape(right):
            continue
        if not _alike(two, right) and not _alike(two, right + one):
            stale.append(name)
    if stale and not is_random(subject):
        named = shown(alone, stale[-1])
        others = [shown(alone, n) for n in stale[:-1]]
        return [
            Finding(
                named,
                "stale-cache",
                True,
                "right after the first forward pass, wrong after the second: it still depends on "
                "what the first one left" + (f"; likewise {', '.join(others)}" if others else ""),
                _line_of_condition(subject),
                "store what backward needs anew in every forward pass",
            )
        ]
    return accumulation(subject, names)


def _other_values(subject: Program) -> Values:
    if "x" not in subject.values or not _uses_x(subject):
        return dict(subject.values)
    x = subject.values["x"]
    return {**subject.values, "x": -x + 0.3 * random_like(x, "second call")}


def _uses_x(subject: Program) -> bool:
    moved = {**subject.values, "x": subject.values["x"] + 1.0}
    return subject.loss(moved) != subject.loss(subject.values)


def _again(subject: Program, state: Any, values: Values) -> Answer:
    """Both passes on an object that has been used."""
    for name, path in subject.paths.items():
        if name in values:
            states.write(state, path, values[name])
    _rewind(state, subject.code.state)
    done = subject.run(values, state)
    answer = subject.backward(done, values)
    copies = {n: None if g is None else np.array(g) for n, g in answer.gradients.items()}
    return Answer(copies, answer.names, answer.output, answer.dy)


def _rewind(state: Any, pristine: Any) -> None:
    """Put the generators that an object keeps back to where they began."""
    for (_, now), (_, then) in zip(_generators(state), _generators(pristine), strict=False):
        now.bit_generator.state = then.bit_generator.state


def _generators(part: Any, depth: int = 4) -> Iterator[tuple[int, np.random.Generator]]:
    if isinstance(part, np.random.Generator):
        yield depth, part
    elif depth and not isinstance(part, (np.ndarray, *states.OPAQUE)):
        for _, inner in states.items(part):
            yield from _generators(inner, depth - 1)


def _alike(one: Array, other: Array) -> bool:
    scale = max(float(np.abs(one).max(initial=0)), float(np.abs(other).max(initial=0)))
    return bool(np.abs(one - other).max(initial=0) <= 1e-7 * scale + 1e-12)


def accumulation(subject: Program, names: list[str]) -> list[Finding]:
    """Gradients that add up over calls, or do not, where the code's convention says otherwise."""
    state = subject.fresh_state(subject.values)
    first = _again(subject, state, subject.values)
    second = _again(subject, state, subject.values)
    adding, assigned = [], []
    for name in names:
        one, two = first.gradients.get(name), second.gradients.get(name)
        if one is None or two is None or one.shape != two.shape or not np.any(one):
            continue
        if _alike(two, 2 * one):
            adding.append(name)
        elif _alike(two, one):
            assigned.append(name)
    parameters_assigned = [n for n in assigned if n != "x"]
    if _has_zeroing(state):
        return [_overwritten(first, parameters_assigned, subject)] if parameters_assigned else []
    inputs = [n for n in adding if n == "x"]
    mixed = [n for n in adding if parameters_assigned or subject.code.is_dictionary]
    wrong = mixed or inputs
    if wrong:
        return [_accumulated(first, wrong, subject)]
    return []


def _has_zeroing(state: Any) -> bool:
    parts = [state, *(inner for _, inner in states.items(state))]
    for part in list(parts):
        if isinstance(part, (list, tuple)):
            parts += list(part)
    return any(callable(getattr(p, n, None)) for p in parts for n in (*ZEROING, *ZEROING_TOO))


def _overwritten(answer: Answer, names: list[str], subject: Program) -> Finding:
    others = [shown(answer, n) for n in names[:-1]]
    return Finding(
        shown(answer, names[-1]),
        "overwrites",
        True,
        "the second backward pass wipes out what the first one found, although there is a method "
        "that sets gradients to zero" + (f"; likewise {', '.join(others)}" if others else ""),
        line_assigning(subject, shown(answer, names[-1])),
        "add with `+=`",
    )


def _accumulated(answer: Answer, names: list[str], subject: Program) -> Finding:
    others = [shown(answer, n) for n in names[:-1]]
    return Finding(
        shown(answer, names[-1]),
        "accumulates",
        True,
        "after a second backward pass it is twice the gradient, and nothing sets it to zero"
        + (f"; likewise {', '.join(others)}" if others else ""),
        line_assigning(subject, shown(answer, names[-1])),
        "assign with `=`, or set it to zero before each backward pass",
    )


def line_assigning(subject: Program, name: str) -> int | None:
    """The line of the backward pass that assigns `name`."""
    tree = _tree(subject.code.backward(subject.code.state))
    wanted = name.split(".")[-1]
    for node in ast.walk(tree) if tree else []:
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else ([node.target] if isinstance(node, ast.AugAssign) else [])
        )
        if any(re_word(wanted, ast.unparse(target)) for target in targets):
            return getattr(node, "lineno", None)
    return None


def re_word(word: str, code: str) -> bool:
    """Whether a name stands in some code."""
    import re

    return bool(re.search(rf"\b{re.escape(word)}\b", code))


def _line_of_condition(subject: Program) -> int | None:
    """Where the forward pass stores something only sometimes."""
    tree = _tree(subject.code.forward(subject.code.state))
    for node in ast.walk(tree) if tree else []:
        if isinstance(node, ast.If) and any(isinstance(n, ast.Assign) for n in ast.walk(node)):
            return node.lineno
    return None


# --- shapes ---------------------------------------------------------------------------------------


def shapes(subject: Program) -> list[Finding]:
    """Gradients that, subtracted from their parameter, would give it another shape."""
    try:
        answer = subject.gradients(subject.values)
    except Exception:
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


# --- ties -----------------------------------------------------------------------------------------


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
    except Exception:
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
    """Whether every output is one of the inputs, as in max-pooling."""
    output = subject.run(values).output
    return output.size < values["x"].size and bool(np.isin(output, values["x"]).all())


# --- large inputs ---------------------------------------------------------------------------------


def overflow(subject: Subject) -> list[Finding]:
    """Whether float32 gives NaN or infinity where float64 gives a number that float32 can hold."""
    name = next((n for n in ("x",) if n in subject.values), None)
    if name is None:
        return []
    x = subject.values[name]
    size = float(np.abs(x).max(initial=0)) or 1.0
    for magnitude in (100.0, 300.0, 30.0):
        large = x / size * magnitude
        try:
            wide = _output(subject, large, np.float64)
            narrow = _output(subject, large, np.float32)
        except Exception:
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
    with np.errstate(all="ignore"):
        if isinstance(subject, ActivationPair):
            return np.asarray(subject.function(x.astype(kind)))
        if isinstance(subject, Program):
            return subject.output_in(x, kind)
    return np.zeros(0)


def _line_of_exp(subject: Subject) -> int | None:
    from chainrule.check.source import files_of, watching

    files = files_of(subject.functions())
    with watching(files) as seen:
        subject.loss(subject.values)
    import linecache

    for code in seen.codes:
        last = max((line for *_, line in code.co_lines() if line), default=code.co_firstlineno)
        for number in range(code.co_firstlineno, last + 1):
            if "exp(" in linecache.getline(code.co_filename, number):
                return number
    return None


# --- the prediction pass --------------------------------------------------------------------------


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
    if given.shape == output.shape and given.dtype.kind == "f":
        agrees = close(given.astype(float), output.astype(float)) or bool(
            np.allclose(given, output, rtol=1e-6, atol=1e-9)
        )
    elif given.dtype.kind in "iub" or given.size < output.size:
        agrees = any(
            np.array_equal(given.ravel(), np.argmax(output, axis=axis).ravel())
            for axis in range(output.ndim)
        ) or np.array_equal(given.ravel(), (output > 0.5).ravel().astype(int))
    else:
        agrees = False
    if agrees or is_random(subject):
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
