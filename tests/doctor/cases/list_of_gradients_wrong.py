"""wrong batch-scale: the gradients in a list, the bias averaged"""

import numpy as np


class Affine:
    def __init__(self):
        self.W, self.b = np.random.default_rng(14).normal(size=(4, 3)), np.zeros(3)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        return dy @ self.W.T, [self.x.T @ dy, dy.mean(axis=0)]
