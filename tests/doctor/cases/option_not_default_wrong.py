"""wrong wrong-activation-derivative|derivative-at-wrong-point: an activation that is not the default is wrong."""

import numpy as np


class Net:
    def __init__(self, n_in, n_hidden, n_out, activation="sigmoid"):
        rng = np.random.default_rng(0)
        self.W1 = rng.normal(size=(n_in, n_hidden)) * 0.5
        self.b1 = np.zeros(n_hidden)
        self.W2 = rng.normal(size=(n_hidden, n_out)) * 0.5
        self.b2 = np.zeros(n_out)
        self.activation = activation

    def act(self, z):
        if self.activation == "sigmoid":
            return 1 / (1 + np.exp(-z))
        elif self.activation == "tanh":
            return np.tanh(z)
        return np.maximum(0, z)

    def act_prime(self, z):
        if self.activation == "sigmoid":
            s = self.act(z)
            return s * (1 - s)
        elif self.activation == "tanh":
            return 1 - np.tanh(z)
        return (z > 0).astype(float)

    def forward(self, x):
        self.x = x
        self.z1 = x @ self.W1 + self.b1
        self.a1 = self.act(self.z1)
        return self.a1 @ self.W2 + self.b2

    def backward(self, dy):
        self.dW2 = self.a1.T @ dy
        self.db2 = dy.sum(axis=0)
        d = dy @ self.W2.T * self.act_prime(self.z1)
        self.dW1 = self.x.T @ d
        self.db1 = d.sum(axis=0)
        return d @ self.W1.T
