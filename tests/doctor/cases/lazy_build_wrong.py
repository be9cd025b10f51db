"""wrong sign|constant-scale: lazily made weights, their gradient doubled"""

import numpy as np


class Dense:
    def __init__(self, units=3):
        self.units, self.W = units, None

    def forward(self, x):
        if self.W is None:
            self.W = np.random.randn(x.shape[-1], self.units)
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = 2 * self.x.T @ dy
        return dy @ self.W.T
