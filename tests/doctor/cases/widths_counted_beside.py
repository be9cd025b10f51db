"""right: a network is handed the widths of its hidden layers, and their number beside them."""

import numpy as np


class Network:
    def __init__(self, inputs, n_hidden_layers, hidden_dim, outputs):
        self.widths = hidden_dim
        self.count = n_hidden_layers
        if len(self.widths) != self.count:
            raise ValueError("as many widths as hidden layers")
        sizes = [inputs] + self.widths + [outputs]
        rng = np.random.default_rng(5)
        self.W = [rng.normal(size=pair) * 0.7 for pair in zip(sizes[:-1], sizes[1:])]

    def forward(self, x):
        self.kept = [x]
        for W in self.W[:-1]:
            self.kept.append(np.tanh(self.kept[-1] @ W))
        return self.kept[-1] @ self.W[-1]

    def backward(self, dout):
        self.dW = [None] * (self.count + 1)
        for layer in range(self.count, -1, -1):
            self.dW[layer] = self.kept[layer].T @ dout
            if layer:
                dout = dout @ self.W[layer].T * (1 - self.kept[layer] ** 2)
