"""wrong batch-scale: the bias alone is a mean"""

import numpy as np


class Dense:
    def __init__(self, n_inputs, n_neurons):
        self.W = np.random.default_rng(2).normal(size=(n_inputs, n_neurons))
        self.b = np.zeros(n_neurons)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dz):
        self.dW = self.x.T @ dz
        self.db = np.mean(dz, axis=0)
        return dz @ self.W.T
