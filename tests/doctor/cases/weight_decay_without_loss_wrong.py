"""wrong missing-regularizer: the term of a regularizer has the wrong sign, so no loss has it."""

import numpy as np


class Regression:
    def __init__(self, n_in, n_out, reg=0.05):
        self.W, self.b = np.random.randn(n_in, n_out), np.zeros(n_out)
        self.reg = reg

    def forward(self, X):
        self.X = X
        return X @ self.W + self.b

    def backward(self, y, output):
        d = (output - y) / len(y)
        self.dW, self.db = self.X.T @ d - self.reg * self.W, d.sum(axis=0)
