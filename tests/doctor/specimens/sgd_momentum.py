"""Stochastic gradient descent with momentum."""

import numpy as np


class MomentumSGD:
    def __init__(self, learning_rate=0.01, momentum=0.9):
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.velocity = {}

    def update(self, params, grads):
        for name in params:
            if name not in self.velocity:
                self.velocity[name] = np.zeros_like(params[name])
            self.velocity[name] = self.momentum * self.velocity[name] + grads[name]
            params[name] -= self.learning_rate * self.velocity[name]


def example(rng):
    params = {"W": rng.normal(size=(3, 4)), "b": rng.normal(size=4)}
    grads = {"W": rng.normal(size=(3, 4)), "b": rng.normal(size=4)}
    return {
        "optimizer": MomentumSGD(0.05, 0.8),
        "params": params,
        "grads": grads,
        "learning_rate": 0.05,
    }
