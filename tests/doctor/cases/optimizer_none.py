"""not checked: the optimizer has to be handed in, and the file has none"""

import numpy as np


class Linear:
    def __init__(self, n_in, n_out, optimizer=None):
        self.weight = np.random.default_rng(12).normal(size=(n_in, n_out))
        self.optimizer = optimizer

    def forward(self, x):
        self.x = x
        return x @ self.weight

    def backward(self, grad):
        out = grad @ self.weight.T
        self.weight = self.optimizer.step(self.weight, self.x.T @ grad)
        return out
