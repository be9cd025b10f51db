"""An optimizer's steps, held against the formulas that its settings suggest.

A formula has several forms that are all right (ε within the root or beside it, momentum that sums
or averages); code that follows any of them passes. The same formulas with one usual mistake in
them tell what is wrong with code that follows none.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.doctor.findings import Comparison, Diagnosis, Finding
from chainrule.doctor.numbers.evidence import close, ratio_of
from chainrule.doctor.optimizers.formulas import Rule, Settings, Steps, rules_for
from chainrule.doctor.subjects.lines import last_line_of_change
from chainrule.foreign.calls.calling import call
from chainrule.foreign.errors import CannotCheckError, EndlessError, words_of
from chainrule.types import Array

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


def diagnose_optimizer(example: Mapping[str, Any]) -> Diagnosis:
    """Several steps of an optimizer beside the formulas.

    Raises:
        CannotCheckError: it has no method that makes a step, or the example no params or grads.
        EndlessError: its step does not come to an end.
    """
    optimizer = example["optimizer"]
    params, grads = example.get("params"), gradients_of(example)
    if params is None or grads is None:
        raise CannotCheckError('to check an optimizer the example needs "params" and "grads"')
    name = name_of(optimizer)
    settings = settings_of(optimizer, example)
    try:
        moved = run(copy.deepcopy(optimizer), params, grads, settings)
    except (CannotCheckError, EndlessError):
        raise
    except Exception as error:  # the user's step may raise anything: that is a finding
        raised = f"its step raises {words_of(error)}"
        return Diagnosis(name, [Finding(name, "exception", True, raised)])
    start, gradients = flat(params), gradients_of_steps(flat(grads))
    is_right = follow_a_formula(start, gradients, settings, moved)
    diagnosis = Diagnosis(name)
    diagnosis.notes.append(f"held against {settings.family} with learning rate {settings.rate:g}")
    names = parameter_names(params)
    diagnosis.comparisons = [Comparison(each, is_right) for each in names]
    if not is_right:
        finding = _finding(names[0], start, gradients, settings, moved)
        line = last_line_of_change(step_of(optimizer))
        diagnosis.findings.append(replace(finding, line=line))
    return diagnosis


def gradients_of(example: Mapping[str, Any]) -> Any:
    """The gradients of an example."""
    return example.get("grads", example.get("gradients"))


def gradients_of_steps(grads: Array) -> list[Array]:
    """The gradients that each step has."""
    return [grads * factor for factor in GRADIENTS_OF_STEPS]


def follow_a_formula(
    start: Array, gradients: list[Array], settings: Settings, moved: Steps
) -> bool:
    """True if the steps are those of a right form of the formula for the settings."""
    return any(
        not rule.mistake and _follows(rule, start, gradients, settings, moved)
        for rule in rules_for(settings)
    )


def _follows(
    rule: Rule, start: Array, gradients: list[Array], settings: Settings, moved: Steps
) -> bool:
    """True if the steps are those of a formula."""
    with np.errstate(all="ignore"):
        wanted = rule.steps(start, gradients, settings)
    return all(
        close(one, other) or np.allclose(one, other, rtol=1e-6, atol=1e-12)
        for one, other in zip(moved, wanted, strict=True)
    )


def _finding(
    name: str,
    start: Array,
    gradients: list[Array],
    settings: Settings,
    moved: Steps,
) -> Finding:
    """How steps that follow no right formula differ from them."""
    rules = list(rules_for(settings))
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
            text = f"its steps are those of {settings.family} {rule.mistake}"
            # A formula has many forms, so that a name for the difference is never certain.
            return Finding(name, "update-rule", False, text, None, f"look for it: {rule.mistake}")
    wanted = right[0].steps(start, gradients, settings)
    first = next(
        (i for i, (o, t) in enumerate(zip(moved, wanted, strict=True)) if not close(o, t)), 0
    )
    text = (
        f"step {first + 1} differs from {settings.family}: {moved[first][0]:.4g} in place of "
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
    """True if what a step returned is the parameters after it."""
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


def parameter_names(params: Any) -> list[str]:
    """What the parameters of an optimizer are called."""
    return list(map(str, params)) if isinstance(params, Mapping) else ["params"]


def refilled(params: Any, numbers: Array) -> Any:
    """The same structure with other numbers, given in one vector."""
    parts = list(params.values()) if isinstance(params, Mapping) else params
    if not isinstance(parts, (list, tuple)):
        return numbers.reshape(np.shape(params))
    ends = np.cumsum([np.size(part) for part in parts])
    shaped = [
        each.reshape(np.shape(part))
        for each, part in zip(np.split(numbers, ends[:-1]), parts, strict=True)
    ]
    return dict(zip(params, shaped, strict=True)) if isinstance(params, Mapping) else shaped


def name_of(optimizer: Any) -> str:
    """What an optimizer is called."""
    return str(getattr(optimizer, "__name__", type(optimizer).__name__))


def settings_of(optimizer: Any, example: Mapping[str, Any]) -> Settings:
    """The numbers an optimizer works with, by the names they usually have.

    Args:
        example: has the learning rate, where the optimizer keeps none.
    """
    attributes = {
        key.lower().strip("_"): value for key, value in getattr(optimizer, "__dict__", {}).items()
    }

    def number(what: str, position: int = 0) -> float | None:
        """A setting, or its part of a pair such as betas; None where there is none."""
        for each in SETTINGS[what]:
            value = attributes.get(each.strip("_"))
            if isinstance(value, (tuple, list)) and len(value) == 2:
                return float(value[position])
            if isinstance(value, (int, float, np.floating)) and not isinstance(value, bool):
                return float(value)
        return None

    rate, epsilon, momentum = number("rate"), number("epsilon"), number("momentum")
    beta1, beta2 = number("beta1"), number("beta2", 1)
    return Settings(
        rate=float(example.get("learning_rate", 0.01)) if rate is None else rate,
        momentum=momentum,
        beta1=beta1,
        beta2=beta2,
        epsilon=1e-8 if epsilon is None else epsilon,
        decay=number("decay") or 0.0,
        family=_family(
            name_of(optimizer), beta1, beta2, momentum, attributes.get("nesterov") is True
        ),
    )


def _family(
    name: str, beta1: float | None, beta2: float | None, momentum: float | None, nesterov: bool
) -> str:
    """The optimizer that a name says; else the one that has such settings."""
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
    if nesterov:
        return "Nesterov momentum"
    return "momentum" if momentum else "gradient descent"
