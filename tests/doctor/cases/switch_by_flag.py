"""partly: a flag of the constructor turns on what is not compared then."""

import numpy as np


class Dense:
    def __init__(self, n_in, n_out, use_bias=True, l2=0.0):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.zeros(n_out)
        self.use_bias, self.l2 = use_bias, l2

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b if self.use_bias else x @ self.W

    def backward(self, dy):
        self.dW = self.x.T @ dy
        if self.l2 > 0:
            self.dW += 2 * self.l2 * self.W
        self.db = dy.sum(axis=0)
        return dy @ self.W.T
