"""wrong derivative-at-wrong-point|wrong-activation-derivative: both passes are told the activation, by a word."""

import numpy as np


class Layer:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)

    def forward(self, x, activation="sigmoid"):
        self.x, self.z = x, x @ self.W
        if activation == "tanh":
            return np.tanh(self.z)
        return 1 / (1 + np.exp(-self.z))

    def backward(self, dy, activation="sigmoid"):
        if activation == "tanh":
            dz = dy * (1 - self.z ** 2)
        else:
            s = 1 / (1 + np.exp(-self.z))
            dz = dy * s * (1 - s)
        self.dW = self.x.T @ dz
        return dz @ self.W.T
