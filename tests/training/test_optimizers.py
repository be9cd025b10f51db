"""Optimizers by hand: first steps, clipping, what is remembered. JAX compares the rest."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from chainrule.errors import ArgumentError
from chainrule.optimizers import (
    CHUNK,
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


def steps(optimizer: Optimizer, gradients: list[float], start: float = 1.0) -> list[float]:
    """The weight after each step."""
    w = np.array([start])
    state, path = optimizer.start(w), []
    for gradient in gradients:
        optimizer.step(w, np.array([gradient]), state)
        path.append(float(w[0]))
    return path


@pytest.mark.parametrize(
    ("optimizer", "path"),
    [
        (SGD(0.1), [0.8, 0.6]),
        (SGD(0.1, momentum=0.5), [0.8, 0.5]),  # v = 2, then 0.5 · 2 + 2 = 3
        (SGD(0.1, momentum=0.5, nesterov=True), [0.7, 0.35]),  # 2 + 0.5 · 2, 2 + 0.5 · 3
        (Adagrad(0.1), [0.9, 0.9 - 0.1 / 2**0.5]),
        (RMSprop(0.1, 0.75), [0.8, 0.8 - 0.1 / 0.4375**0.5]),  # s = 1, then 1.75
        # s = 4: Δ = 2 √(3 / 7); then u = Δ² = 12 / 7: Δ = 2 √((12 / 7 + 3) / 7)
        (Adadelta(0.1, 0.0, 3.0), [0.869069, 0.704939]),
        (Adam(0.1), [0.9, 0.8]),
        (AMSGrad(0.1), [0.9, 0.8]),
        (AdamW(0.1, weight_decay=0.5), [0.85, 0.7075]),  # 0.95 w - 0.1, twice
        (Lion(0.1), [0.9, 0.8]),
        (Lion(0.1, weight_decay=0.5), [0.85, 0.7075]),
    ],
    ids=repr,
)
def test_two_steps_with_a_gradient_of_two(optimizer: Optimizer, path: list[float]) -> None:
    assert steps(optimizer, [2.0, 2.0]) == pytest.approx(path, abs=1e-4)


def test_amsgrad_remembers_the_largest_gradient() -> None:
    gradients = [10.0] + [0.1] * 50
    assert (
        steps(AMSGrad(0.1, beta_2=0.5), gradients)[-1] > steps(Adam(0.1, beta_2=0.5), gradients)[-1]
    )


def test_adam_moves_by_its_rate_however_steep_the_slope() -> None:
    for gradient in (1e-4, 1.0, 1e4):
        assert steps(Adam(0.1), [gradient]) == pytest.approx([0.9], abs=1e-4)


@pytest.mark.parametrize(
    ("options", "gradient", "clipped"),
    [
        ({"clip_norm": 1}, [3, 4], [0.6, 0.8]),
        ({"clip_norm": 10}, [3, 4], [3, 4]),
        ({"clip_value": 1}, [3, -4], [1, -1]),
        ({"clip_value": (0, 2)}, [3, -4], [2, 0]),
        ({"clip_value": 3, "clip_norm": 1}, [3, 4], [0.5**0.5, 0.5**0.5]),
        ({"clip_norm": 1}, [0, 0], [0, 0]),
        ({}, [3, 4], [3, 4]),
    ],
)
def test_clipping(options, gradient, clipped) -> None:
    w = np.zeros(2)
    SGD(1.0, **options).step(w, np.array(gradient, float), SGD().start(w))
    np.testing.assert_allclose(-w, clipped)


@pytest.mark.parametrize("make", OPTIMIZERS.values())
def test_a_long_vector_is_updated_in_portions_without_a_trace(make) -> None:
    rng = np.random.default_rng(0)
    size = 2 * CHUNK + 17
    w, g = rng.standard_normal(size), rng.standard_normal(size)
    whole, pieces = w.copy(), []
    optimizer = make()
    state = optimizer.start(whole)
    for _ in range(3):
        optimizer.step(whole, g.copy(), state)
    for part in np.array_split(np.arange(size), 5):
        piece = w[part]
        state = optimizer.start(piece)
        for _ in range(3):
            optimizer.step(piece, g[part], state)
        pieces.append(piece)
    np.testing.assert_array_equal(whole, np.concatenate(pieces))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("make", OPTIMIZERS.values())
def test_types_are_kept_and_views_stay_views(make, dtype: str) -> None:
    memory = np.ones(4, dtype)
    optimizer = make()
    state = optimizer.start(memory)
    optimizer.step(memory[:], np.ones(4, dtype), state)
    assert (memory < 1).all()
    assert {slot.dtype for slot in state.slots.values()} <= {np.dtype(dtype)}


@pytest.mark.parametrize("make", OPTIMIZERS.values())
def test_training_goes_on_from_a_copied_state(make) -> None:
    """All that an optimizer remembers is in its state: nothing on itself."""
    optimizer, w = make(), np.array([1.0, 2.0])
    state = optimizer.start(w)
    optimizer.step(w, np.array([0.5, -0.5]), state)
    twin, twin_state = w.copy(), copy.deepcopy(state)
    optimizer.step(w, np.array([0.1, 0.2]), state)
    make().step(twin, np.array([0.1, 0.2]), twin_state)
    np.testing.assert_array_equal(w, twin)


@pytest.mark.parametrize("make", OPTIMIZERS.values())
def test_a_zero_gradient_is_no_division_by_zero(make) -> None:
    optimizer, w = make(), np.ones(3)
    optimizer.step(w, np.zeros(3), optimizer.start(w))
    assert np.isfinite(w).all()


@pytest.mark.parametrize(
    ("optimizer", "defaults"),
    [
        (Adagrad(), {"learning_rate": 0.01, "epsilon": 1e-10}),
        (Adadelta(), {"learning_rate": 1.0, "rho": 0.9, "epsilon": 1e-6}),
        (RMSprop(), {"rho": 0.99, "epsilon": 1e-8}),
        (Adam(), {"learning_rate": 1e-3, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}),
        (AdamW(), {"learning_rate": 1e-3, "weight_decay": 0.01, "epsilon": 1e-8}),
        (NAdam(), {"learning_rate": 2e-3, "momentum_decay": 4e-3, "epsilon": 1e-8}),
    ],
    ids=repr,
)
def test_defaults_are_pytorchs_but_for_some_rates(optimizer: Optimizer, defaults) -> None:
    assert {name: getattr(optimizer, name) for name in defaults} == defaults


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SGD(0), r"learning_rate is a number in \(0, inf\); received 0"),
        (lambda: SGD(-1.0), "learning_rate is a number"),
        (lambda: SGD(float("nan")), "learning_rate is a number"),
        (lambda: Adam("fast"), "learning_rate is a number .*received 'fast'"),
        (lambda: SGD(momentum=1), r"momentum is a number in \[0, 1\)"),
        (lambda: SGD(nesterov=True), "nesterov=True needs a momentum above 0"),
        (lambda: Adam(beta_1=1), "beta_1 is a number"),
        (lambda: NAdam(beta_2=-0.1), "beta_2 is a number"),
        (lambda: Lion(beta_2=1.5), "beta_2 is a number"),
        (lambda: AdamW(weight_decay=-1), "weight_decay is a number"),
        (lambda: RMSprop(rho=1), "rho is a number"),
        (lambda: Adadelta(rho=2), "rho is a number"),
        (lambda: SGD(clip_norm=0), "clip_norm is a number"),
        (lambda: SGD(clip_value=-1), "clip_value is a number above 0 or a pair"),
        (lambda: SGD(clip_value=(1, 0)), "with low < high"),
    ],
)
def test_options_that_cannot_be(make, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()
