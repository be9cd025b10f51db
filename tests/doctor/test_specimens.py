"""The specimens are right and the slips are wrong, as central differences see it."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from tests.doctor.central_differences import (
    Arrays,
    Example,
    arrays_of,
    run_backward,
    run_forward,
    subject,
)
from tests.doctor.running import run
from tests.doctor.slips import SLIPS, SPECIMENS, Slip

CODES = {  # each has at least one slip
    *["batch-scale", "constant-scale", "sign", "transposed", "wrong-axis", "partial-sum"],
    *["missing-activation-derivative", "derivative-at-wrong-point", "wrong-activation-derivative"],
    *["missing-bias-gradient", "missing-regularizer", "stale-weights", "softmax-jacobian"],
    *["kernel-flip", "wrong-stride", "padding-crop", "pool-ties", "dropout-mask", "norm-path"],
    *["stale-cache", "loss-constant", "overwrites", "accumulates", "mutates-input", "overflow"],
    *["shape-changes", "train-predict-mismatch", "unknown"],
    *["wrong-variable", "missing-factor", "update-rule"],
}
SEEN_IN_BEHAVIOUR = {  # one call at a point without ties gives the right gradients all the same
    *["stale-cache", "accumulates", "overwrites", "mutates-input", "train-predict-mismatch"],
    *["overflow", "pool-ties"],
}
FILES = sorted(path.stem for path in SPECIMENS.glob("*.py"))


def example(source: str, seed: int = 0) -> Example:
    return run(source)["example"](np.random.default_rng(seed))


def right(file: str) -> str:
    return (SPECIMENS / f"{file}.py").read_text(encoding="utf-8")


def is_optimizer(file: str) -> bool:
    return "optimizer" in example(right(file))


@pytest.mark.parametrize("file", [file for file in FILES if not is_optimizer(file)])
def test_gradients_of_right_specimens_are_slopes(file: str) -> None:
    for seed in (0, 1):
        judged = subject(example(right(file), seed))
        assert judged.gradients
        assert all(judged.agrees(name) for name in judged.gradients)


def test_momentum_gathers_the_gradients_of_all_steps() -> None:
    given = example(right("sgd_momentum"))
    start = {name: value.copy() for name, value in given["params"].items()}
    gathered = 0.05 * (1 + (1 + 0.8) + (1 + 0.8 + 0.8**2))
    for name, value in steps(given).items():
        np.testing.assert_allclose(value, start[name] - gathered * given["grads"][name])


def test_adam_moves_every_entry_by_the_rate_while_the_gradient_stays() -> None:
    given = example(right("adam"))
    start = {name: value.copy() for name, value in given["params"].items()}
    for name, value in steps(given).items():
        moved = 3 * 0.01 * np.sign(given["grads"][name])
        np.testing.assert_allclose(value, start[name] - moved, rtol=1e-6)


def test_a_slip_is_an_edit_of_one_place() -> None:
    for slip in SLIPS:
        compile(slip.source(), str(slip), "exec")
        assert all(mistake.right != mistake.wrong for mistake in slip.mistakes)


def test_slips_have_known_codes_and_cover_them() -> None:
    used = {code for slip in SLIPS for mistake in slip.mistakes for code in mistake.codes}
    assert used == CODES
    assert {slip.file for slip in SLIPS} == set(FILES)
    assert len({str(slip) for slip in SLIPS}) == len(SLIPS)


@pytest.mark.parametrize("slip", SLIPS, ids=str)
def test_a_slip_spoils_what_it_says(slip: Slip) -> None:
    for mistake in slip.mistakes:
        if is_optimizer(slip.file) or SEEN_IN_BEHAVIOUR.issuperset(mistake.codes):
            before = behaviour(example(right(slip.file)))
            after = behaviour(example(slip.source()))
            assert any(differ(before[part], after.get(part)) for part in before)
        else:
            judged = subject(example(slip.source()))
            assert not any(judged.agrees(name) for name in mistake.gradients)


@pytest.mark.parametrize("slip", [slip for slip in SLIPS if not is_optimizer(slip.file)], ids=str)
def test_a_slip_spoils_nothing_else(slip: Slip) -> None:
    """Every gradient that no mistake names is still right."""
    judged = subject(example(slip.source()))
    spoilt = {name for mistake in slip.mistakes for name in mistake.gradients}
    assert all(judged.agrees(name) for name in judged.values.keys() - spoilt)


def behaviour(example: Example) -> Arrays:
    """What a specimen does besides the gradients of one call."""
    if "optimizer" in example:
        return steps(example)
    if "layer" in example:
        return layer_behaviour(example)
    with np.errstate(over="ignore", invalid="ignore"):
        if "function" in example:
            return {"at large inputs": example["function"](1000 * example["x"])}
        forward, params = example["forward"], example["params"]
        large = forward(1000 * example["x"], dict(params))
    return {"at large inputs": large, "predicted": example["predict"](example["x"], params)}


def layer_behaviour(example: Example) -> Arrays:
    """Two calls on one object, with different inputs; what became of those; ties; large inputs."""
    layer, x = example["layer"], example["x"]
    dy = np.random.default_rng(8).normal(size=run_forward(copy.deepcopy(layer), x.copy()).shape)
    with np.errstate(over="ignore", invalid="ignore"):
        seen = {"at large inputs": run_forward(copy.deepcopy(layer), 1000 * x)}
    tied = copy.deepcopy(layer)
    run_forward(tied, np.round(x))
    seen["dx at ties"] = run_backward(tied, np.round(x), dy.copy(), example)
    for call, (given, upstream) in enumerate([(x.copy(), dy.copy()), (1 - x, 2 * dy)]):
        run_forward(layer, given)
        seen[f"dx of call {call}"] = run_backward(layer, given, upstream, example)
        seen.update({f"x after call {call}": given, f"dy after call {call}": upstream})
    return {**seen, **dict(arrays_of(layer))}


def steps(example: Example, count: int = 3) -> Arrays:
    """The parameters after some steps with the same gradient."""
    optimizer, params, grads = (example[key] for key in ("optimizer", "params", "grads"))
    for _ in range(count):
        (optimizer.update if hasattr(optimizer, "update") else optimizer.step)(params, grads)
    return params


def differ(a: np.ndarray | None, b: np.ndarray | None) -> bool:
    if a is None or b is None or np.shape(a) != np.shape(b):
        return True
    return not np.allclose(a, b, equal_nan=True)
