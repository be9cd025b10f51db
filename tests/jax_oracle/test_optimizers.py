"""Every optimizer makes the steps that its formula in PyTorch's documentation describes.

The formulas are written here once more, in JAX and from that documentation alone: each takes
the weights through the whole training at once, given the gradient at every weight.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax_layers import agree

from chainrule.optimizers import (
    OPTIMIZERS,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    AdamW,
    AMSGrad,
    Lion,
    NAdam,
    Optimizer,
    RMSprop,
)

STEPS = 30
START = np.random.default_rng(0).standard_normal(7)


@jax.jit
def gradient(w: Any) -> Any:
    """Of a valley that is steep and bent, so that each step meets another slope."""
    return jax.grad(lambda w: (jnp.cosh(w) * jnp.arange(1, 8)).sum() + jnp.sin(w).prod())(w)


def sgd(w, rates, grad, momentum=0.0, nesterov=False):
    b = None
    for rate in rates:
        g = grad(w)
        b = g if b is None else momentum * b + g
        w = w - rate * ((g + momentum * b if nesterov else b) if momentum else g)
    return w


def adagrad(w, rates, grad, eps=1e-10):
    total = 0
    for rate in rates:
        g = grad(w)
        total = total + g**2
        w = w - rate * g / (jnp.sqrt(total) + eps)
    return w


def adadelta(w, rates, grad, rho=0.9, eps=1e-6):
    v = u = jnp.zeros_like(w)
    for rate in rates:
        g = grad(w)
        v = v * rho + g**2 * (1 - rho)
        change = jnp.sqrt(u + eps) / jnp.sqrt(v + eps) * g
        u = u * rho + change**2 * (1 - rho)
        w = w - rate * change
    return w


def rmsprop(w, rates, grad, alpha=0.99, eps=1e-8):
    v = jnp.zeros_like(w)
    for rate in rates:
        g = grad(w)
        v = alpha * v + (1 - alpha) * g**2
        w = w - rate * g / (jnp.sqrt(v) + eps)
    return w


def adam(w, rates, grad, betas=(0.9, 0.999), eps=1e-8, decay=0.0, amsgrad=False):
    (beta_1, beta_2), m, v, v_max = betas, 0, 0, jnp.zeros_like(w)
    for t, rate in enumerate(rates, start=1):
        g = grad(w)
        w = w - rate * decay * w
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        v_max = jnp.maximum(v_max, v)
        m_hat = m / (1 - beta_1**t)
        v_hat = (v_max if amsgrad else v) / (1 - beta_2**t)
        w = w - rate * m_hat / (jnp.sqrt(v_hat) + eps)
    return w


def nadam(w, rates, grad, betas=(0.9, 0.999), eps=1e-8, psi=0.004):
    (beta_1, beta_2), m, v, product = betas, 0, 0, 1
    for t, rate in enumerate(rates, start=1):
        g = grad(w)
        mu = beta_1 * (1 - 0.96 ** (t * psi) / 2)
        mu_next = beta_1 * (1 - 0.96 ** ((t + 1) * psi) / 2)
        product = product * mu
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        m_hat = mu_next * m / (1 - product * mu_next) + (1 - mu) * g / (1 - product)
        w = w - rate * m_hat / (jnp.sqrt(v / (1 - beta_2**t)) + eps)
    return w


def lion(w, rates, grad, betas=(0.9, 0.99), decay=0.0):
    (beta_1, beta_2), m = betas, jnp.zeros_like(w)
    for rate in rates:
        g = grad(w)
        update = jnp.sign(beta_1 * m + (1 - beta_1) * g)
        m = beta_2 * m + (1 - beta_2) * g
        w = w - rate * (update + decay * w)
    return w


# The optimizer, its formula, and the formula's options where they are not the defaults.
CASES: dict[str, tuple[Optimizer, Callable[..., Any], dict[str, Any]]] = {
    "SGD": (SGD(0.02), sgd, {}),
    "SGD, momentum": (SGD(0.01, momentum=0.9), sgd, {"momentum": 0.9}),
    "SGD, Nesterov": (
        SGD(0.01, momentum=0.8, nesterov=True),
        sgd,
        {"momentum": 0.8, "nesterov": True},
    ),
    "Adagrad": (Adagrad(0.1), adagrad, {}),
    "Adagrad, epsilon": (Adagrad(0.1, epsilon=0.1), adagrad, {"eps": 0.1}),
    "Adadelta": (Adadelta(), adadelta, {}),
    "Adadelta, options": (Adadelta(0.5, 0.8, 1e-3), adadelta, {"rho": 0.8, "eps": 1e-3}),
    "RMSprop": (RMSprop(), rmsprop, {}),
    "RMSprop, options": (RMSprop(0.05, 0.9, 0.1), rmsprop, {"alpha": 0.9, "eps": 0.1}),
    "Adam": (Adam(), adam, {}),
    "Adam, options": (
        Adam(0.1, 0.8, 0.95, 0.01),
        adam,
        {"betas": (0.8, 0.95), "eps": 0.01},
    ),
    "AMSGrad": (AMSGrad(0.1, beta_2=0.5), adam, {"betas": (0.9, 0.5), "amsgrad": True}),
    "AdamW": (AdamW(0.1), adam, {"decay": 0.01}),
    "AdamW, decay": (AdamW(0.1, weight_decay=0.3), adam, {"decay": 0.3}),
    "NAdam": (NAdam(), nadam, {}),
    "NAdam, options": (NAdam(0.1, momentum_decay=0.1), nadam, {"psi": 0.1}),
    "Lion": (Lion(0.01), lion, {}),
    "Lion, options": (
        Lion(0.01, 0.5, 0.8, weight_decay=0.2),
        lion,
        {"betas": (0.5, 0.8), "decay": 0.2},
    ),
}


def trained(optimizer: Optimizer, rates: list[float]) -> np.ndarray:
    w = START.copy()
    state = optimizer.start(w)
    for rate in rates:
        optimizer.step(w, np.array(gradient(w)), state, rate)
    return w


@pytest.mark.parametrize("name", CASES)
def test_steps_agree(name: str) -> None:
    optimizer, formula, options = CASES[name]
    rates = [optimizer.learning_rate] * STEPS
    agree(trained(optimizer, rates), formula(jnp.asarray(START), rates, gradient, **options), "w")


@pytest.mark.parametrize("name", CASES)
def test_steps_agree_while_a_schedule_moves_the_rate(name: str) -> None:
    optimizer, formula, options = CASES[name]
    rates = [optimizer.learning_rate * (1 + np.cos(np.pi * t / STEPS)) / 2 for t in range(STEPS)]
    agree(trained(optimizer, rates), formula(jnp.asarray(START), rates, gradient, **options), "w")


@pytest.mark.parametrize(
    ("clipping", "clipped"),
    [
        ({"clip_norm": 0.5}, lambda g: g * jnp.minimum(1, 0.5 / jnp.linalg.norm(g))),
        ({"clip_value": 0.3}, lambda g: jnp.clip(g, -0.3, 0.3)),
        ({"clip_value": (-0.1, 2.0)}, lambda g: jnp.clip(g, -0.1, 2.0)),
        (
            {"clip_value": 1.0, "clip_norm": 0.5},
            lambda g: (
                jnp.clip(g, -1, 1) * jnp.minimum(1, 0.5 / jnp.linalg.norm(jnp.clip(g, -1, 1)))
            ),
        ),
    ],
    ids=["norm", "value", "range", "value, then norm"],
)
@pytest.mark.parametrize("name", ["SGD, momentum", "Adam", "Lion"])
def test_steps_agree_with_clipped_gradients(name: str, clipping, clipped) -> None:
    plain, formula, options = CASES[name]
    optimizer = type(plain)(**plain.options(), **clipping)
    rates = [optimizer.learning_rate] * STEPS
    expected = formula(jnp.asarray(START), rates, lambda w: clipped(gradient(w)), **options)
    agree(trained(optimizer, rates), expected, "w")


def test_every_optimizer_is_compared() -> None:
    assert {type(optimizer) for optimizer, *_ in CASES.values()} == set(OPTIMIZERS.values())
