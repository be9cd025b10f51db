"""Dense layers in plain NumPy, forward and backward by hand, as the labs write them."""

from __future__ import annotations

import numpy as np

import chainrule as cr
from peers.base import Peer
from surroundings import blas_kernels
from workload import SQUARES, Array, Workload


class NumpyByHand(Peer):
    """Rows of dense layers with ReLU, tanh or sigmoid, and SGD or Adam."""

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        network = workload.network()
        self.activations = [
            type(layer).__name__ for layer in network.layers if not isinstance(layer, cr.Dense)
        ]
        self.W = [layer.W.copy() for layer in network.layers if isinstance(layer, cr.Dense)]
        self.b = [layer.b.copy() for layer in network.layers if isinstance(layer, cr.Dense)]
        self.optimizer = workload.made_optimizer
        self.slots = [[np.zeros_like(p), np.zeros_like(p)] for p in (*self.W, *self.b)]
        self.t = 0
        self.cycle = self.batches()

    def step(self) -> float:
        x, y = next(self.cycle)
        outputs = [x]
        for i, (W, b) in enumerate(zip(self.W, self.b, strict=True)):
            z = np.dot(outputs[-1], W) + b
            outputs.append(activate(self.activations[i], z) if i < len(self.activations) else z)
        out = outputs[-1]
        if self.workload.loss == SQUARES:
            loss, dz = ((out - y) ** 2).mean(), 2 * (out - y) / out.size
        else:
            e = np.exp(out - out.max(axis=1, keepdims=True))
            p = e / e.sum(axis=1, keepdims=True)
            rows = np.arange(len(y))
            loss, dz = -np.log(p[rows, y]).mean(), p
            dz[rows, y] -= 1
            dz /= len(y)
        dW, db = [], []
        for i in reversed(range(len(self.W))):
            if i < len(self.activations):
                dz = dz * slope(self.activations[i], outputs[i + 1])
            dW.insert(0, np.dot(outputs[i].T, dz))
            db.insert(0, dz.sum(axis=0))
            dz = np.dot(dz, self.W[i].T)
        self.t += 1
        for p, g, slots in zip((*self.W, *self.b), (*dW, *db), self.slots, strict=True):
            self.update(p, g, slots)
        return float(loss)

    def update(self, p: Array, g: Array, slots: list[Array]) -> None:
        rate = self.optimizer.learning_rate
        if isinstance(self.optimizer, cr.Adam):
            slots[0] = 0.9 * slots[0] + 0.1 * g
            slots[1] = 0.999 * slots[1] + 0.001 * g * g
            m, v = slots[0] / (1 - 0.9**self.t), slots[1] / (1 - 0.999**self.t)
            p -= rate * m / (np.sqrt(v) + 1e-8)
        elif self.optimizer.momentum:
            slots[0] = self.optimizer.momentum * slots[0] + g
            p -= rate * slots[0]
        else:
            p -= rate * g

    def losses(self, count: int) -> list[float]:
        return [self.step() for _ in range(count)]

    def run(self, steps: int) -> None:
        for _ in range(steps):
            self.step()

    def kernels(self) -> str:
        return blas_kernels()


def activate(name: str, z: Array) -> Array:
    """An activation function."""
    if name == "ReLU":
        return np.maximum(z, 0)
    return np.tanh(z) if name == "Tanh" else 1 / (1 + np.exp(-z))


def slope(name: str, y: Array) -> Array:
    """Its derivative, from its output."""
    if name == "ReLU":
        return y > 0
    return 1 - y * y if name == "Tanh" else y * (1 - y)
