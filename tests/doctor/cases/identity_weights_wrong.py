"""wrong transposed: weights that begin as the identity, which is its own transpose."""

import numpy as np


class Mixing:
    def __init__(self, size):
        self.W = np.eye(size)

    def forward(self, x):
        self.x = x
        return np.tanh(x @ self.W)

    def backward(self, dout):
        dz = dout * (1 - np.tanh(self.x @ self.W) ** 2)
        self.dW = self.x.T @ dz
        return dz @ self.W
