"""What is measured: networks, data, batch sizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import chainrule as cr

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Workload:
    """One network in training.

    Args:
        title: what it is.
        layers: makes its layers.
        input_shape: of one example.
        examples: how many there are.
        batch_size: examples in a step.
        loss, optimizer: as chainrule names them.
        goals: how many times faster than PyTorch eager and than JAX step by step.
        floor: the goal for the time in multiples of that of the matrix products alone.
    """

    title: str
    layers: Callable[[], list[cr.Layer]]
    input_shape: tuple[int, ...]
    examples: int
    batch_size: int
    loss: str
    optimizer: str
    goals: tuple[float, float]
    floor: float | None = None

    def network(self, **settings: Any) -> cr.Network:
        """The network with its first weights."""
        return cr.Network(self.layers(), self.input_shape, seed=0, **settings)

    def data(self) -> tuple[Array, Array]:
        """Inputs and targets: real images where the inputs are 28x28, random numbers elsewhere."""
        rng = np.random.default_rng(0)
        size = int(np.prod(self.input_shape))
        outputs = self.network().output_shape[0]
        if size == 784:
            images = cr.datasets.load("mnist").x_train[: self.examples]
            x = images.reshape(len(images), *self.input_shape)
        else:
            x = rng.standard_normal((self.examples, *self.input_shape), dtype=np.float32)
        y = rng.integers(0, outputs, self.examples) if outputs > 1 else None
        if self.loss == "mean_squared_error":
            targets = rng.random((self.examples, outputs), dtype=np.float32)
            if y is not None:
                targets = np.eye(outputs, dtype=np.float32)[y]
            return x, targets
        return x, y


def dense(*sizes: int, activation: type[cr.Layer] = cr.ReLU, last: bool = False) -> Any:
    """Dense layers with activations between them, and behind the last where asked for."""

    def layers() -> list[cr.Layer]:
        made: list[cr.Layer] = []
        for size in sizes:
            made += [cr.Dense(size), activation()]
        return made if last else made[:-1]

    return layers


def lenet() -> list[cr.Layer]:
    """LeCun et al. (1998), with ReLU and max-pooling."""
    return [
        cr.Conv2D(6, 5), cr.ReLU(), cr.MaxPool2D(2),
        cr.Conv2D(16, 5), cr.ReLU(), cr.MaxPool2D(2),
        cr.Flatten(), cr.Dense(120), cr.ReLU(), cr.Dense(84), cr.ReLU(), cr.Dense(10),
    ]  # fmt: skip


def small_cnn() -> list[cr.Layer]:
    """Two convolutions and a dense layer, for 47 classes."""
    return [
        cr.Conv2D(32, 3), cr.ReLU(), cr.MaxPool2D(2),
        cr.Conv2D(64, 3), cr.ReLU(), cr.MaxPool2D(2),
        cr.Flatten(), cr.Dense(128), cr.ReLU(), cr.Dense(47),
    ]  # fmt: skip


def colour_cnn() -> list[cr.Layer]:
    """Three convolutions with batch norm on colour images."""
    return [
        cr.Conv2D(32, 3, padding="same"), cr.BatchNorm(), cr.ReLU(),
        cr.Conv2D(32, 3, padding="same"), cr.BatchNorm(), cr.ReLU(), cr.MaxPool2D(2),
        cr.Conv2D(64, 3, padding="same"), cr.BatchNorm(), cr.ReLU(), cr.MaxPool2D(2),
        cr.Flatten(), cr.Dense(10),
    ]  # fmt: skip


CROSS_ENTROPY, SQUARES = "softmax_cross_entropy", "mean_squared_error"
IMAGE = (28, 28, 1)
WORKLOADS = {
    "W1": Workload(
        "2-4-4-1 sigmoid, MSE, full batch of 100, SGD",
        dense(4, 4, 1, activation=cr.Sigmoid, last=True),
        (2,), 100, 100, SQUARES, "sgd(learning_rate=0.1)", (60, 8),
    ),
    "W2": Workload(
        "784-100-50-10 tanh, MSE, one sample at a time, SGD",
        dense(100, 50, 10, activation=cr.Tanh, last=True),
        (784,), 2000, 1, SQUARES, "sgd(learning_rate=0.1)", (12, 4),
    ),
    "W3": Workload(
        "784-128-64-10 ReLU, cross-entropy, batch 128, Adam",
        dense(128, 64, 10), (784,), 59904, 128, CROSS_ENTROPY, "adam", (2.2, 1.7), 2.0,
    ),
    "W4": Workload(
        "784-256-128-47 ReLU, cross-entropy, batch 512, SGD with momentum",
        dense(256, 128, 47), (784,), 20480, 512, CROSS_ENTROPY,
        "sgd(learning_rate=0.05, momentum=0.9)", (1.4, 1.2), 2.0,
    ),
    "W5": Workload(
        "784-128-64-10 ReLU, cross-entropy, full batch of 60,000, SGD",
        dense(128, 64, 10), (784,), 60000, 60000, CROSS_ENTROPY, "sgd(learning_rate=0.5)",
        (1.3, 1.1),
    ),
    "W6": Workload(
        "LeNet-5, cross-entropy, batch 128, Adam",
        lenet, IMAGE, 3840, 128, CROSS_ENTROPY, "adam", (3.5, 2),
    ),
    "W7": Workload(
        "conv32-pool-conv64-pool-128-47, cross-entropy, batch 128, Adam",
        small_cnn, IMAGE, 1280, 128, CROSS_ENTROPY, "adam", (2.2, 1.5), 2.0,
    ),
    "W8": Workload(
        "32x32x3: conv32, conv32, pool, conv64, pool, dense10, batch norm, batch 128, Adam",
        colour_cnn, (32, 32, 3), 1280, 128, CROSS_ENTROPY, "adam", (1.6, 1.3),
    ),
}  # fmt: skip
