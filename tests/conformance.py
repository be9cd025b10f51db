"""What every layer must do. Each check takes a case and fails with an AssertionError.

`test_conformance.py` applies all of them to every layer there is;
`test_known_wrong_gradients.py` to layers that are wrong on purpose.
"""

from __future__ import annotations

import copy
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layer_cases import LayerCase

import chainrule as cr
from chainrule.errors import ConfigError
from chainrule.network import Network
from chainrule.types import Array

BATCH = 3
MODES = (False, True)  # evaluation, training
STEP = 1e-5  # of the central differences: their error is about STEP², and 1e-16 / STEP
TOLERANCE = 1e-7


def matches_central_differences(case: LayerCase) -> None:
    """Every entry of dx and of every dW is the slope of the loss along it."""
    for training in MODES:
        network, x, dy = case.network(), batch(case), upstream(case)
        slopes = backpropagated(network, x, dy, training)
        for name, values in {"x": x, **network.parameters}.items():
            measured = np.empty_like(values)
            for index in np.ndindex(values.shape):
                one = np.zeros_like(values)
                one[index] = 1
                measured[index] = slope(network, x, dy, training, values, one)
            assert_close(slopes[name], measured, f"d{name}, training={training}")


def matches_random_directions(case: LayerCase) -> None:
    """Along a random direction through all entries at once, dx and dW give the slope too."""
    rng = np.random.default_rng(5)
    for training in MODES:
        network, x, dy = case.network(), batch(case), upstream(case)
        slopes = backpropagated(network, x, dy, training)
        for name, values in {"x": x, **network.parameters}.items():
            direction = rng.standard_normal(values.shape)
            measured = slope(network, x, dy, training, values, direction)
            expected = (slopes[name] * direction).sum()
            assert_close(expected, measured, f"d{name}, training={training}")


def has_the_declared_shape_and_type(case: LayerCase) -> None:
    """float32 stays float32, float64 stays float64, and shapes are those that `setup` said."""
    for training in MODES:
        for dtype in ("float32", "float64"):
            network, x = case.network(dtype), batch(case, dtype=dtype)
            y, caches = network.forward(x, training)
            assert (y.shape, y.dtype) == ((BATCH, *network.output_shape), dtype)
            dx = network.backward(upstream(case, dtype=dtype), caches)
            assert (dx.shape, dx.dtype) == (x.shape, dtype)


def is_as_accurate_as_float32_can_be(case: LayerCase) -> None:
    """In float32 the outputs and gradients are those of float64, to float32's precision."""
    for training in MODES:
        exact = case.network("float64")
        rounded = case.network("float32")
        exact.parameters.flat[:] = rounded.parameters.flat
        exact.buffers.flat[:] = rounded.buffers.flat
        x, dy = batch(case, dtype="float32"), upstream(case, dtype="float32")
        assert_close(evaluated(rounded, x, training), evaluated(exact, x, training), "y", 1e-5)
        for name, gradient in backpropagated(exact, x, dy, training).items():
            ours = backpropagated(rounded, x, dy, training)[name]
            assert_close(ours, gradient, f"d{name}, training={training}", 1e-5)


def changes_nothing_it_was_given(case: LayerCase) -> None:
    """Neither x nor parameters in forward; neither y, dy, cache nor parameters in backward."""
    for training in MODES:
        network, x, dy = case.network(), batch(case), upstream(case)
        x_before, dy_before = x.copy(), dy.copy()
        parameters_before = network.parameters.flat.copy()
        y, caches = network.forward(x, training)
        np.testing.assert_array_equal(x, x_before, "forward changed x")
        y_before, caches_before = y.copy(), pickle.dumps(caches)
        network.backward(dy, caches)
        np.testing.assert_array_equal(x, x_before, "backward changed x")
        np.testing.assert_array_equal(y, y_before, "backward changed y")
        np.testing.assert_array_equal(dy, dy_before, "backward changed dy")
        np.testing.assert_array_equal(network.parameters.flat, parameters_before)
        assert pickle.dumps(caches) == caches_before, "backward changed the cache"


def takes_arrays_in_any_layout(case: LayerCase) -> None:
    """Strided and column-major x and dy give what contiguous ones give."""
    x, dy = batch(case), upstream(case)
    layouts = (np.asfortranarray, lambda a: np.repeat(a, 2, axis=-1)[..., ::2])
    for training in MODES:
        network = case.network()
        expected_y = evaluated(network, x, training)
        expected = backpropagated(network, x, dy, training)
        for layout in layouts:
            assert_close(evaluated(network, layout(x), training), expected_y, "y", 1e-12)
            found = backpropagated(network, layout(x), layout(dy), training)
            for name in expected:
                assert_close(found[name], expected[name], f"d{name}", 1e-12)


def takes_a_batch_of_one(case: LayerCase) -> None:
    """In evaluation an example's output does not depend on its company; training runs too."""
    network, x, dy = case.network(), batch(case), upstream(case)
    together = evaluated(network, x, training=False)
    for i in range(BATCH):
        alone = evaluated(network, x[i : i + 1], training=False)
        assert_close(alone, together[i : i + 1], f"y[{i}]", 1e-12)
    dx = backpropagated(network, x[:1], dy[:1], training=True)["x"]
    assert dx.shape == (1, *case.input_shape)
    assert np.isfinite(dx).all()


def accumulates_gradients(case: LayerCase) -> None:
    """A second backward pass doubles the gradients of the parameters."""
    for training in MODES:
        network, x, dy = case.network(), batch(case), upstream(case)
        once = backpropagated(network, x, dy, training)
        network.start_epoch(1)
        _, caches = network.forward(x, training)
        network.backward(dy, caches)
        for name, gradient in network.gradients.items():
            assert_close(gradient, 2 * once[name], f"d{name}", 1e-12)


def is_reentrant(case: LayerCase) -> None:
    """Two forward passes, then their two backward passes in either order: each backward pass
    belongs to the forward pass whose cache it is given."""
    for training in MODES:
        network = case.network()
        x, dy = [batch(case, seed) for seed in (0, 7)], [upstream(case, seed) for seed in (1, 8)]
        alone = [backpropagated(network, x[i], dy[i], training) for i in (0, 1)]
        for order in ((0, 1), (1, 0)):
            caches: list[Any] = []
            for i in (0, 1):
                network.start_epoch(1)
                caches.append(network.forward(x[i], training)[1])
            network.gradients.flat[:] = 0
            for i in order:
                assert_close(network.backward(dy[i], caches[i]), alone[i]["x"], f"dx[{i}]", 1e-12)
            for name, gradient in network.gradients.items():
                assert_close(gradient, alone[0][name] + alone[1][name], f"d{name}", 1e-12)


def copies_stand_alone(case: LayerCase) -> None:
    """A deep copy or an unpickled network predicts and learns as the original would, alone."""
    for duplicate in (copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))):
        network, x, dy = case.network(), batch(case), upstream(case)
        before = network.predict(x)
        twin, comparison = duplicate(network), case.network()
        np.testing.assert_array_equal(twin.predict(x), before)
        for learner in (twin, comparison):
            backpropagated(learner, x, dy, training=False)
            learner.parameters.flat[:] -= 0.1 * learner.gradients.flat
        np.testing.assert_array_equal(network.predict(x), before, "the original learnt too")
        assert not network.gradients.flat.any(), "the original received gradients"
        np.testing.assert_array_equal(twin.parameters.flat, comparison.parameters.flat)
        np.testing.assert_array_equal(twin.predict(x), comparison.predict(x))


def survives_a_file(case: LayerCase) -> None:
    """A saved and loaded network predicts the same bits; Python functions are refused."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        for dtype in ("float32", "float64"):
            network, x = case.network(dtype), batch(case, dtype=dtype)
            if not case.is_savable:
                with pytest.raises(ConfigError):
                    network.save(path)
                assert not path.exists()
                continue
            network.save(path)
            loaded = cr.load(path)
            assert repr(loaded) == repr(network)
            assert list(loaded.parameters) == list(network.parameters)
            np.testing.assert_array_equal(loaded.predict(x), network.predict(x))
            expected = backpropagated(network, x, upstream(case, dtype=dtype), training=True)
            found = backpropagated(loaded, x, upstream(case, dtype=dtype), training=True)
            for name in expected:
                np.testing.assert_array_equal(found[name], expected[name])
            np.testing.assert_array_equal(loaded.buffers.flat, network.buffers.flat)
            loaded.save(path)  # what was loaded can be saved again


CHECKS: tuple[Callable[[LayerCase], None], ...] = (
    matches_central_differences,
    matches_random_directions,
    has_the_declared_shape_and_type,
    is_as_accurate_as_float32_can_be,
    changes_nothing_it_was_given,
    takes_arrays_in_any_layout,
    takes_a_batch_of_one,
    accumulates_gradients,
    is_reentrant,
    copies_stand_alone,
    survives_a_file,
)


def batch(case: LayerCase, seed: int = 0, dtype: str = "float64") -> Array:
    """Random inputs."""
    return np.random.default_rng(seed).standard_normal((BATCH, *case.input_shape)).astype(dtype)


def upstream(case: LayerCase, seed: int = 1, dtype: str = "float64") -> Array:
    """A random gradient with respect to the output."""
    shape = (BATCH, *case.network().output_shape)
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def evaluated(network: Network, x: Array, training: bool) -> Array:
    """The output, random layers drawing what they always draw."""
    network.start_epoch(1)
    return network.forward(x, training)[0]


def backpropagated(network: Network, x: Array, dy: Array, training: bool) -> dict[str, Array]:
    """dx under "x" and every parameter's gradient under its name, by the layer's backward."""
    network.start_epoch(1)
    network.gradients.flat[:] = 0
    _, caches = network.forward(x, training)
    dx = network.backward(dy, caches)
    return {"x": dx, **{name: gradient.copy() for name, gradient in network.gradients.items()}}


def slope(
    network: Network, x: Array, dy: Array, training: bool, values: Array, direction: Array
) -> float:
    """The derivative of Σ dy·y along `direction` in `values`, which are x or a parameter."""
    middle = values.copy()

    def output_at(distance: float) -> Array:
        values[...] = middle + distance * direction
        return evaluated(network, x, training).copy()  # y may be a view of x

    above, below = output_at(STEP), output_at(-STEP)
    values[...] = middle
    return float((dy * (above - below)).sum() / (2 * STEP))


def assert_close(found: Any, expected: Any, what: str, tolerance: float = TOLERANCE) -> None:
    """The largest difference is small beside the largest value (or beside 1)."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"{what}: shape {found.shape}, not {expected.shape}"
    scale = max(1.0, np.abs(expected).max(initial=0))
    difference = np.abs(found - expected).max(initial=0) / scale
    assert difference <= tolerance, f"{what} is off by {difference:.1e}:\n{found}\nnot\n{expected}"
