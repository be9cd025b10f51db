"""right: layers' sizes under a name that says nothing, in a list that the class counts."""

import numpy as np


class Network:
    def __init__(self, archi, seed=0):
        self.rng = np.random.default_rng(seed)
        self.weights = [
            self.rng.normal(size=(archi[i], archi[i + 1])) for i in range(len(archi) - 1)
        ]

    def forward(self, x):
        self.kept = [x]
        for W in self.weights:
            self.kept.append(np.tanh(self.kept[-1] @ W))
        return self.kept[-1]

    def backward(self, dy):
        self.grad_weights = [None] * len(self.weights)
        for i in reversed(range(len(self.weights))):
            dz = dy * (1 - self.kept[i + 1] ** 2)
            self.grad_weights[i] = self.kept[i].T @ dz
            dy = dz @ self.weights[i].T
        return dy
