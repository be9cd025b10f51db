"""Many trainings in one process: memory that does not grow, and the same bits each time."""

from __future__ import annotations

import resource
from typing import Any

import numpy as np

import chainrule as cr

RNG_PURPOSE = 7
WARM = 50  # trainings until all that is kept for good has been made


def network_of(case: int) -> tuple[cr.Network, Any, Any, dict[str, Any]]:
    """A random small network with its data and the options of its training."""
    rng = np.random.default_rng([RNG_PURPOSE, case])
    activation = rng.choice(["relu", "tanh", "gelu", "sigmoid"])
    hidden = [int(size) for size in rng.integers(2, 40, rng.integers(1, 4))]
    layers: list[cr.Layer] = []
    shape: tuple[int, ...] = (int(rng.integers(2, 12)),)
    if rng.random() < 0.3:
        shape = (8, 8, int(rng.integers(1, 4)))
        layers = [cr.Conv2D(int(rng.integers(1, 9)), 3), cr.MaxPool2D(2), cr.Flatten()]
    for size in hidden:
        layers += [cr.Dense(size), cr.layers.ACTIVATIONS[activation]()]
        if rng.random() < 0.3:
            layers.append(cr.BatchNorm())
        if rng.random() < 0.3:
            layers.append(cr.Dropout(0.2))
    layers.append(cr.Dense(3))
    count = int(rng.integers(20, 200))
    x = rng.standard_normal((count, *shape)).astype(np.float32)
    y = rng.integers(0, 3, count)
    options = {
        "epochs": int(rng.integers(1, 5)),
        "batch_size": int(rng.integers(2, count)),
        "optimizer": str(rng.choice(["adam", "sgd(momentum=0.9)", "rmsprop", "lion"])),
        "quiet": True,
    }
    return cr.Network(layers, shape, seed=case), x, y, options


def train(case: int) -> np.ndarray:
    """The weights that a training ends with, and what it predicts, in one vector."""
    network, x, y, options = network_of(case)
    network.fit(x, y, **options)
    return np.concatenate([network.parameters.flat, network.predict(x).ravel()])


def different_on_repetition(count: int) -> list[int]:
    """The random networks that do not come out in the same bits a second time."""
    first = [train(case) for case in range(count)]
    return [case for case in range(count) if not np.array_equal(first[case], train(case))]


def growth(count: int) -> int:
    """By how many kilobytes the largest memory grows over so many trainings, after the first."""
    for case in range(WARM):
        train(case)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for case in range(count):
        train(case % WARM)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
