"""Inverted dropout: what stays is scaled up in training, and nothing happens in prediction."""

import numpy as np


class Dropout:
    def __init__(self, p, seed):
        self.p = p
        self.rng = np.random.default_rng(seed)
        self.train = True

    def forward(self, x):
        if not self.train:
            return x
        self.mask = self.rng.random(x.shape) >= self.p
        return x * self.mask / (1 - self.p)

    def backward(self, grad_output):
        if not self.train:
            return grad_output
        return grad_output * self.mask * (1 / (1 - self.p))


def example(rng):
    seed = int(rng.integers(1000))
    return {"layer": Dropout(0.4, seed), "x": rng.normal(size=(6, 5))}
