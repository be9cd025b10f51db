"""The same training twice, in NumPy and in the engine, and how far the two come apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import chainrule as cr

TOLERANCES = {"float64": 1e-11, "float32": 2e-5}
Array = np.ndarray[Any, Any]


def train_twice(
    make: Callable[[], Sequence[cr.Layer]],
    shape: Any,
    x: Any,
    y: Any,
    dtype: str = "float64",
    threads: int = 2,
    **options: Any,
) -> tuple[cr.Network, cr.Network]:
    """Train alike in NumPy and in the engine; both networks, each with its history as an
    attribute of `fit`'s result checked here already."""
    networks, histories = [], []
    for engine in ("numpy", "compiled"):
        network = cr.Network(make(), shape, seed=3, dtype=dtype, engine=engine, threads=threads)
        spread(network)
        histories.append(network.fit(x, y, **{"quiet": True, "optimizer": "sgd", **options}))
        networks.append(network)
    plain, compiled = histories
    assert compiled.engine.startswith("compiled")
    assert plain.names() == compiled.names()
    for name in set(plain.names()) - {"seconds"}:
        assert_close(np.array(compiled[name]), np.array(plain[name]), dtype, name)
    return networks[0], networks[1]


def spread(network: cr.Network) -> None:
    """Random values for every parameter, the zeros and ones of biases and scales too."""
    rng = np.random.default_rng(7)
    for name, values in network.parameters.items():
        network.parameters[name] = values + 0.2 * rng.standard_normal(values.shape)


def assert_equal_networks(plain: cr.Network, compiled: cr.Network, dtype: str) -> None:
    """Parameters, gradients and buffers agree.

    A gradient may be a sum whose terms cancel, as that of a bias before batch norm: its rounding
    is measured against gradients that do not.
    """
    for kind in ("parameters", "gradients", "buffers"):
        least = 0.05 * float(np.abs(getattr(plain, kind).flat).max(initial=0))
        for name, expected in getattr(plain, kind).items():
            assert_close(getattr(compiled, kind)[name], expected, dtype, f"{kind}: {name}", least)


def assert_close(
    received: Array, expected: Array, dtype: str, what: str, least: float = 1e-3
) -> None:
    """Apart by no more than a part of the largest number in the array, or of `least`."""
    assert received.shape == expected.shape, what
    if expected.size:
        scale = max(float(np.abs(expected).max()), least, 1e-6)
        apart = float(np.abs(received - expected).max()) / scale
        assert apart <= TOLERANCES[dtype], f"{what}: {apart:.1e} apart"
