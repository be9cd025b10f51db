"""An optimizer's steps, held against the formulas that its settings suggest.

A formula has several forms that are all right (ε within the root or beside it, momentum that sums
or averages); code that follows any of them passes. The same formulas with one usual mistake in
them tell what is wrong with code that follows none.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.check.calling import call
from chainrule.check.findings import Comparison, Diagnosis, Finding
from chainrule.check.signatures import close, ratio_of
from chainrule.check.subject import CannotCheckError

Array = npt.NDArray[Any]
Steps = list[Array]  # how far the parameters moved in each step, one flat vector

METHODS = ("step", "update", "apply_gradients", "update_params", "apply", "optimize", "__call__")
GRADIENTS_OF_STEPS = (1.0, -0.6, 1.7, 0.4)  # each step has the gradients times one of these
SETTINGS: dict[str, tuple[str, ...]] = {
    "rate": ("lr", "learning_rate", "eta", "alpha", "step_size", "rate", "learn_rate", "lrate"),
    "momentum": ("momentum", "mu", "mom", "beta", "gamma", "rho", "decay_rate", "decay"),
    "beta1": ("beta1", "beta_1", "b1", "betas"),
    "beta2": ("beta2", "beta_2", "b2", "betas"),
    "epsilon": ("eps", "epsilon", "e"),
    "decay": ("weight_decay", "wd", "l2", "lambda_", "lmbda"),
}


@dataclass(frozen=True)
class Settings:
    """An optimizer's numbers."""

    rate: float
    momentum: float | None
    beta1: float | None
    beta2: float | None
    epsilon: float
    decay: float
    name: str


@dataclass(frozen=True)
class Rule:
    """A formula: right, or wrong in a way that has a name."""

    steps: Callable[[Array, list[Array], Settings], Steps]
    mistake: str = ""


def diagnose_optimizer(example: Mapping[str, Any]) -> Diagnosis:
    """Several steps of an optimizer beside the formulas.

    Raises:
        CannotCheckError: it has no method that makes a step, or no learning rate is known.
    """
    optimizer = example["optimizer"]
    params, grads = example.get("params"), example.get("grads", example.get("gradients"))
    if params is None or grads is None:
        raise CannotCheckError('to check an optimizer the example needs "params" and "grads"')
    name = getattr(optimizer, "__name__", type(optimizer).__name__)
    settings = settings_of(optimizer, example, name)
    try:
        moved = run(copy.deepcopy(optimizer), params, grads, settings)
    except CannotCheckError:
        raise
    except Exception as error:
        raised = f"its step raises {type(error).__name__}: {error}"
        return Diagnosis(name, [Finding(name, "exception", True, raised)])
    start = flat(params)
    gradients = [flat(grads) * factor for factor in GRADIENTS_OF_STEPS]
    rules = list(rules_for(settings, optimizer))
    right = [rule for rule in rules if not rule.mistake]
    is_right = any(_follows(rule, start, gradients, settings, moved) for rule in right)
    first = next(iter(params)) if isinstance(params, Mapping) else "params"
    diagnosis = Diagnosis(name)
    diagnosis.notes.append(f"held against {settings.name} with learning rate {settings.rate:g}")
    names = list(params) if isinstance(params, Mapping) else ["params"]
    diagnosis.comparisons = [Comparison(str(each), is_right) for each in names]
    if not is_right:
        finding = _finding(str(first), rules, start, gradients, settings, moved)
        line = _line(optimizer)
        diagnosis.findings.append(Finding(**{**finding.as_json(), "line": line}))
    return diagnosis


def _follows(
    rule: Rule, start: Array, gradients: list[Array], settings: Settings, moved: Steps
) -> bool:
    with np.errstate(all="ignore"):
        wanted = rule.steps(start, gradients, settings)
    return all(
        close(one, other) or np.allclose(one, other, rtol=1e-6, atol=1e-12)
        for one, other in zip(moved, wanted, strict=True)
    )


def _finding(
    name: str,
    rules: list[Rule],
    start: Array,
    gradients: list[Array],
    settings: Settings,
    moved: Steps,
) -> Finding:
    right = [rule for rule in rules if not rule.mistake]
    for rule in right:
        with np.errstate(all="ignore"):
            wanted = rule.steps(start, gradients, settings)
        ratio = ratio_of(np.concatenate(moved), np.concatenate(wanted))
        if ratio is None:
            continue
        if ratio < 0:
            text = f"every step goes uphill: it is {ratio:.4g} times the right one"
            return Finding(name, "sign", True, text, None, "subtract the step, do not add it")
        text = f"every step is {ratio:.6g} times the right one"
        if abs(ratio * settings.rate - 1) < 1e-4:
            text += ", 1 / learning rate: the learning rate is left out"
        return Finding(name, "constant-scale", True, text, None, "multiply by the learning rate")
    for rule in rules:
        if rule.mistake and _follows(rule, start, gradients, settings, moved):
            text = f"its steps are those of {settings.name} {rule.mistake}"
            # A formula has many forms, so that a name for the difference is never certain.
            return Finding(name, "update-rule", False, text, None, f"look for it: {rule.mistake}")
    wanted = right[0].steps(start, gradients, settings)
    first = next(
        (i for i, (o, t) in enumerate(zip(moved, wanted, strict=True)) if not close(o, t)), 0
    )
    text = (
        f"step {first + 1} differs from {settings.name}: {moved[first][0]:.4g} in place of "
        f"{wanted[first][0]:.4g} for the first parameter"
    )
    return Finding(name, "unknown", False, text, None, "compare each line with the formula")


# --- running ------------------------------------------------------------------------------------


def run(optimizer: Any, params: Any, grads: Any, settings: Settings) -> Steps:
    """How far each of several steps moves the parameters."""
    now = copy.deepcopy(params)
    moved = []
    function = step_of(optimizer)
    for factor in GRADIENTS_OF_STEPS:
        before = flat(now)
        scaled = _scaled(grads, factor)
        roles = {"parameters": now, "grads": scaled, "rate": settings.rate, "dy": scaled}
        with np.errstate(all="ignore"):
            given = call(function, roles, {}, ("parameters", "grads"))
        given = given[0] if isinstance(given, tuple) and not isinstance(now, tuple) else given
        if given is not None and _is_like(given, now):
            now = given
        moved.append(flat(now) - before)
    return moved


def step_of(optimizer: Any) -> Callable[..., Any]:
    """The method that makes a step.

    Raises:
        CannotCheckError: there is none.
    """
    if inspect.isfunction(optimizer):
        return optimizer
    for name in METHODS:
        method = getattr(optimizer, name, None)
        if callable(method):
            return method
    raise CannotCheckError(
        f"{type(optimizer).__name__} has none of the methods {', '.join(METHODS)}"
    )


def _is_like(given: Any, params: Any) -> bool:
    return type(given) is type(params) and np.size(flat(given)) == np.size(flat(params))


def _scaled(grads: Any, factor: float) -> Any:
    if isinstance(grads, Mapping):
        return {name: factor * np.asarray(g) for name, g in grads.items()}
    if isinstance(grads, (list, tuple)):
        return type(grads)(factor * np.asarray(g) for g in grads)
    return factor * np.asarray(grads)


def flat(params: Any) -> Array:
    """All numbers in one vector."""
    if isinstance(params, Mapping):
        params = list(params.values())
    if isinstance(params, (list, tuple)):
        return np.concatenate([np.ravel(np.asarray(p, np.float64)) for p in params])
    return np.ravel(np.array(params, np.float64))


def settings_of(optimizer: Any, example: Mapping[str, Any], name: str) -> Settings:
    """The numbers an optimizer works with, by the names they usually have."""
    attributes = {
        key.lower().strip("_"): value for key, value in getattr(optimizer, "__dict__", {}).items()
    }

    def number(what: str, position: int = 0) -> float | None:
        for each in SETTINGS[what]:
            value = attributes.get(each.strip("_"))
            if isinstance(value, (tuple, list)) and len(value) == 2:
                return float(value[position])
            if isinstance(value, (int, float, np.floating)) and not isinstance(value, bool):
                return float(value)
        return None

    rate = number("rate")
    if rate is None:
        rate = float(example.get("learning_rate", 0.01))
    beta1, beta2 = number("beta1"), number("beta2", 1)
    return Settings(
        rate,
        number("momentum"),
        beta1,
        beta2,
        1e-8 if (epsilon := number("epsilon")) is None else epsilon,
        number("decay") or 0.0,
        _family(name, beta1, beta2, number("momentum"), attributes),
    )


def _family(
    name: str, beta1: float | None, beta2: float | None, momentum: float | None, has: Any
) -> str:
    plain = name.lower()
    for word, family in (
        *(("adamw", "Adam"), ("nadam", "NAdam"), ("adamax", "AdaMax"), ("amsgrad", "AMSGrad")),
        *(("adam", "Adam"), ("rms", "RMSprop"), ("adagrad", "AdaGrad"), ("adadelta", "Adadelta")),
        *(("nesterov", "Nesterov momentum"), ("nag", "Nesterov momentum")),
        *(("momentum", "momentum"),),
    ):
        if word in plain:
            return family
    if beta2 is not None:
        return "Adam" if beta1 is not None else "RMSprop"
    if has.get("nesterov") is True:
        return "Nesterov momentum"
    return "momentum" if momentum else "gradient descent"


# --- formulas -----------------------------------------------------------------------------------


def rules_for(settings: Settings, optimizer: Any) -> Iterator[Rule]:
    """The forms of a formula, right ones first."""
    family = settings.name
    if family in ("Adam", "AMSGrad", "NAdam", "AdaMax"):
        yield from _adam_rules(family)
    elif family in ("RMSprop", "AdaGrad", "Adadelta"):
        yield from _scaled_rules(family)
    else:
        yield from _momentum_rules(family)


def _momentum_rules(family: str) -> Iterator[Rule]:
    if family == "gradient descent":
        yield Rule(lambda w, gs, s: [-s.rate * g for g in gs])
        yield Rule(lambda w, gs, s: _decayed(w, gs, s))
        return
    nesterov = [family == "Nesterov momentum", family != "Nesterov momentum"]
    for is_nesterov in nesterov[:1]:
        for averages in (False, True):
            yield Rule(lambda w, gs, s, n=is_nesterov, a=averages: _momentum(gs, s, n, a))
    yield Rule(lambda w, gs, s: [-s.rate * g for g in gs], "without its momentum")
    yield Rule(
        lambda w, gs, s: _momentum(gs, s, nesterov[1], False),
        "without the step ahead" if nesterov[0] else "with Nesterov's step ahead",
    )


def _decayed(w: Array, gs: list[Array], s: Settings) -> Steps:
    moved, now = [], w.copy()
    for g in gs:
        moved.append(-s.rate * (g + s.decay * now))
        now = now + moved[-1]
    return moved


def _momentum(gs: list[Array], s: Settings, nesterov: bool, averages: bool) -> Steps:
    mu = 0.9 if s.momentum is None else s.momentum
    v, moved = np.zeros_like(gs[0]), []
    for g in gs:
        share = (1 - mu) * g if averages else g
        v = mu * v + share
        moved.append(-s.rate * (share + mu * v if nesterov else v))
    return moved


def _scaled_rules(family: str) -> Iterator[Rule]:
    sums = family == "AdaGrad"
    for inside in (False, True):
        yield Rule(lambda w, gs, s, i=inside: _scaled_steps(gs, s, sums, i))
    for mistake, change in (
        ("without the square root", {"root": False}),
        ("without squaring the gradient", {"square": False}),
        ("without keeping the average", {"keep": False}),
    ):
        yield Rule(lambda w, gs, s, c=change: _scaled_steps(gs, s, sums, False, **c), mistake)


def _scaled_steps(
    gs: list[Array],
    s: Settings,
    sums: bool,
    inside: bool,
    root: bool = True,
    square: bool = True,
    keep: bool = True,
) -> Steps:
    rho = next((b for b in (s.beta2, s.momentum, s.beta1) if b is not None), 0.9)
    v, moved = np.zeros_like(gs[0]), []
    for g in gs:
        squared = g * g if square else np.abs(g)
        v = (v if keep else 0) * (1.0 if sums else rho) + (1.0 if sums else 1 - rho) * squared
        below = np.sqrt(v + s.epsilon) if inside else (np.sqrt(v) if root else v) + s.epsilon
        moved.append(-s.rate * g / below)
    return moved


def _adam_rules(family: str) -> Iterator[Rule]:
    kind = {"NAdam": "nadam", "AdaMax": "adamax", "AMSGrad": "amsgrad"}.get(family, "adam")
    for where in ("beside", "inside", "before"):
        yield Rule(lambda w, gs, s, e=where: _adam(w, gs, s, kind, epsilon=e))
        yield Rule(lambda w, gs, s, e=where: _adam(w, gs, s, kind, epsilon=e, decoupled=True))
    for mistake, change in (
        ("without the correction of both moments' bias", {"first": False, "second": False}),
        ("without the correction of the first moment's bias", {"first": False}),
        ("without the correction of the second moment's bias", {"second": False}),
        ("without the square root", {"root": False}),
        ("without squaring the gradient", {"square": False}),
        ("with a count of steps that stays at 1", {"counts": False}),
        ("with a count of steps that begins one too late", {"begin": 2}),
        ("with the two betas exchanged", {"exchanged": True}),
    ):
        yield Rule(lambda w, gs, s, c=change: _adam(w, gs, s, kind, **c), mistake)


def _adam(
    w: Array,
    gs: list[Array],
    s: Settings,
    kind: str,
    epsilon: str = "beside",
    decoupled: bool = False,
    first: bool = True,
    second: bool = True,
    root: bool = True,
    square: bool = True,
    counts: bool = True,
    begin: int = 1,
    exchanged: bool = False,
) -> Steps:
    b1 = 0.9 if s.beta1 is None else s.beta1
    b2 = 0.999 if s.beta2 is None else s.beta2
    b1, b2 = (b2, b1) if exchanged else (b1, b2)
    m, v, largest = np.zeros_like(w), np.zeros_like(w), np.zeros_like(w)
    moved, now = [], w.copy()
    for number, given in enumerate(gs):
        t = number + begin if counts else 1
        g = given if decoupled else given + s.decay * now
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * (g * g if square else np.abs(g))
        if kind == "adamax":
            largest = np.maximum(b2 * largest, np.abs(g))
            step = -s.rate / (1 - b1**t) * m / (largest + s.epsilon)
        else:
            m_hat = m / (1 - b1**t) if first else m
            v_hat = v / (1 - b2**t) if second else v
            if kind == "nadam":
                m_hat = b1 * m_hat + (1 - b1) * g / (1 - b1**t)
            if kind == "amsgrad":
                largest = np.maximum(largest, v_hat)
                v_hat = largest
            step = -s.rate * m_hat / _below(v_hat, v, b2, t, s.epsilon, epsilon, root)
        if decoupled:
            step = step - s.rate * s.decay * now
        moved.append(step)
        now = now + step
    return moved


def _below(v_hat: Array, v: Array, b2: float, t: int, eps: float, where: str, root: bool) -> Array:
    """The denominator, with ε beside the root, within it, or added before the correction."""
    if not root:
        return v_hat + eps
    if where == "inside":
        return np.asarray(np.sqrt(v_hat + eps))
    if where == "before":
        return np.asarray((np.sqrt(v) + eps) / np.sqrt(1 - b2**t))
    return np.asarray(np.sqrt(v_hat) + eps)


def _line(optimizer: Any) -> int | None:
    """The last line of the step that changes something in place."""
    import ast
    import textwrap

    try:
        lines, first = inspect.getsourcelines(step_of(optimizer))
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return None
    changes = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.AugAssign)
        or (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript))
    ]
    return first - 1 + max(changes) if changes else first
