"""right: backward returns dx and a list with the gradients of all parameters"""

import numpy as np


class Affine:
    def __init__(self):
        self.W, self.b = np.random.default_rng(14).normal(size=(4, 3)), np.zeros(3)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        return dy @ self.W.T, [self.x.T @ dy, dy.sum(axis=0)]
