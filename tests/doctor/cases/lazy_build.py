"""right: weights made by build() in the first forward pass"""

import numpy as np


class Dense:
    def __init__(self, units):
        self.units, self.built = units, False

    def build(self, n):
        self.weights = np.random.randn(n, self.units)
        self.bias = np.zeros(self.units)
        self.built = True

    def forward(self, x):
        if not self.built:
            self.build(x.shape[1])
        self.x = x
        return x @ self.weights + self.bias

    def backward(self, dy):
        self.dweights, self.dbias = self.x.T @ dy, dy.sum(axis=0)
        return dy @ self.weights.T
