"""The formulas of optimizers: their right forms, and forms with one usual mistake."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from chainrule.types import Array

Steps = list[Array]  # how far the parameters moved in each step, one flat vector


@dataclass(frozen=True)
class Settings:
    """An optimizer's numbers, and which optimizer it is; None for what it does not have."""

    rate: float
    momentum: float | None
    beta1: float | None
    beta2: float | None
    epsilon: float
    decay: float
    family: str


@dataclass(frozen=True)
class Rule:
    """A formula: right, or wrong in a way that has a name."""

    steps: Callable[[Array, list[Array], Settings], Steps]
    mistake: str = ""


def rules_for(settings: Settings) -> Iterator[Rule]:
    """The forms of a formula, right ones first."""
    family = settings.family
    if family in ("Adam", "AMSGrad", "NAdam", "AdaMax"):
        yield from _adam_rules(family)
    elif family in ("RMSprop", "AdaGrad", "Adadelta"):
        yield from _scaled_rules(family)
    else:
        yield from _momentum_rules(family)


def _momentum_rules(family: str) -> Iterator[Rule]:
    if family == "gradient descent":
        yield Rule(_plain)
        yield Rule(_decayed)
        return
    ahead = family == "Nesterov momentum"
    for averages in (False, True):
        yield Rule(partial(_momentum, nesterov=ahead, averages=averages))
    yield Rule(_plain, "without its momentum")
    mistake = "without the step ahead" if ahead else "with Nesterov's step ahead"
    yield Rule(partial(_momentum, nesterov=not ahead, averages=False), mistake)


def _plain(w: Array, gs: list[Array], s: Settings) -> Steps:
    return [-s.rate * g for g in gs]


def _decayed(w: Array, gs: list[Array], s: Settings) -> Steps:
    moved, now = [], w.copy()
    for g in gs:
        moved.append(-s.rate * (g + s.decay * now))
        now = now + moved[-1]
    return moved


def _momentum(w: Array, gs: list[Array], s: Settings, nesterov: bool, averages: bool) -> Steps:
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
        yield Rule(partial(_scaled_steps, sums=sums, inside=inside))
    changes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("without the square root", {"root": False}),
        ("without squaring the gradient", {"square": False}),
        ("without keeping the average", {"keep": False}),
    )
    for mistake, change in changes:
        yield Rule(partial(_scaled_steps, sums=sums, inside=False, **change), mistake)


def _scaled_steps(
    w: Array,
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
        yield Rule(partial(_adam, kind=kind, epsilon=where))
        yield Rule(partial(_adam, kind=kind, epsilon=where, decoupled=True))
    changes: tuple[tuple[str, dict[str, Any]], ...] = (
        ("without the correction of both moments' bias", {"first": False, "second": False}),
        ("without the correction of the first moment's bias", {"first": False}),
        ("without the correction of the second moment's bias", {"second": False}),
        ("without the square root", {"root": False}),
        ("without squaring the gradient", {"square": False}),
        ("with a count of steps that stays at 1", {"counts": False}),
        ("with a count of steps that begins one too late", {"begin": 2}),
        ("with the two betas exchanged", {"exchanged": True}),
    )
    for mistake, change in changes:
        yield Rule(partial(_adam, kind=kind, **change), mistake)


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
