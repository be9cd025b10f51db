"""Networks of the benchmark, trained on real characters until they know them: with the engine they
get as far as without."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
from workload import SQUARES, Workload
from workloads import WORKLOADS

# Training and test examples and epochs, and the accuracy that both must reach.
LENGTHS = {
    "W1": (100, 1000, 5000, 0.85),
    "W2": (4000, 2000, 2, 0.80),
    "W3": (20000, 5000, 4, 0.94),
    "W4": (20000, 5000, 8, 0.65),
    "W5": (60000, 5000, 60, 0.80),
    "W6": (10000, 5000, 3, 0.94),
    "W7": (6000, 3000, 6, 0.70),
    "W8": (2000, 1000, 4, 0.80),
}
APART = 0.012  # of the test examples: what rounding comes to, once it has been trained on


def examples(workload: Workload, part: str, count: int) -> tuple[Any, Any]:
    """So many real characters, or points on both sides of a parabola, with their classes."""
    rng = np.random.default_rng(len(part))
    classes = workload.network().output_shape[0]
    if classes == 1:
        x = rng.uniform(-1, 1, (count, 2)).astype(np.float32)
        return x, (x[:, 1] > x[:, 0] ** 2).astype(int)
    data = cr.datasets.load("mnist" if classes == 10 else "emnist47")
    x, y = getattr(data, f"x_{part}"), getattr(data, f"y_{part}")
    order = rng.permutation(len(x))[:count]
    x, y = x[order], y[order]
    if workload.input_shape == (32, 32, 3):
        images = np.pad(x.reshape(-1, 28, 28, 1), ((0, 0), (2, 2), (2, 2), (0, 0)))
        return np.repeat(images, 3, axis=3), y
    return x.reshape(len(x), *workload.input_shape), y


def as_targets(workload: Workload, y: Any) -> Any:
    """The classes as the workload's loss takes them."""
    outputs = workload.network().output_shape[0]
    if workload.loss != SQUARES:
        return y
    return (np.eye(outputs)[y] if outputs > 1 else y[:, None]).astype(np.float32)


def accuracy(outputs: Any, y: Any) -> float:
    found = outputs.argmax(axis=1) if outputs.shape[1] > 1 else outputs[:, 0] > 0.5
    return float((found == y).mean())


@pytest.mark.long
@pytest.mark.parametrize("name", LENGTHS)
def test_training_gets_as_far_with_the_engine(name: str) -> None:
    workload = WORKLOADS[name]
    count, test_count, epochs, least = LENGTHS[name]
    x, y = examples(workload, "train", count)
    x_test, y_test = examples(workload, "test", test_count)
    reached = {}
    for engine in ("numpy", "compiled"):
        network = workload.network(engine=engine)
        network.fit(
            x, as_targets(workload, y), loss=workload.loss, optimizer=workload.optimizer,
            epochs=epochs, batch_size=workload.batch_size, quiet=True,
        )  # fmt: skip
        reached[engine] = accuracy(network.predict(x_test), y_test)
    print(f"{name}: {reached}")
    assert min(reached.values()) >= least, reached
    assert abs(reached["numpy"] - reached["compiled"]) <= APART, reached
