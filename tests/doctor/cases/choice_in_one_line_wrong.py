"""wrong wrong-activation-derivative|derivative-at-wrong-point: conditions that stand in one line."""

import numpy as np


# fmt: off
def act(z, kind):
    if kind == "sigmoid": return 1 / (1 + np.exp(-z))
    if kind == "tanh": return np.tanh(z)
    return np.maximum(z, 0)


def act_derivative(z, kind):
    if kind == "sigmoid": return act(z, kind) * (1 - act(z, kind))
    if kind == "tanh": return 1 - np.tanh(z)
    return (z > 0) * 1.0
# fmt: on


class Layer:
    def __init__(self, n_in, n_out, activation="sigmoid"):
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)
        self.activation = activation

    def forward(self, x):
        self.x = x
        self.z = x @ self.W + self.b
        return act(self.z, self.activation)

    def backward(self, dy):
        dz = dy * act_derivative(self.z, self.activation)
        self.dW, self.db = self.x.T @ dz, dz.sum(axis=0)
        return dz @ self.W.T
