"""partly: a weight that the output does not depend on"""

import numpy as np


class Dense:
    def __init__(self):
        self.W, self.b = np.random.randn(4, 3), np.zeros(3)

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW, self.db = self.x.T @ dy, 5 * dy.sum(axis=0)
        return dy @ self.W.T
