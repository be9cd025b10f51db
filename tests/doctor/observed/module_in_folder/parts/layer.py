"""A layer whose file imports one beside it, as its author's editor lets it."""

import numpy as np
from tool import tanh


class Layer:
    def __init__(self, inputs, outputs):
        self.W = np.random.default_rng(8).normal(size=(inputs, outputs))

    def forward(self, x):
        self.x, self.y = x, tanh(x @ self.W)
        return self.y

    def backward(self, dy):
        dz = dy * (1 - self.y**2)
        self.dW = self.x.T @ dz
        return dz @ self.W.T
