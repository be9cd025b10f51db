"""right: (target - output), the update adds, gradients are kept"""

import numpy as np


class MLP:
    def __init__(self, n_in, n_hidden, n_out):
        rng = np.random.default_rng(16)
        self.w1, self.w2 = rng.normal(size=(n_in, n_hidden)), rng.normal(size=(n_hidden, n_out))

    def feedforward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.w1)
        self.o = self.h @ self.w2
        return self.o

    def backprop(self, targets):
        error = targets - self.o
        self.dw2 = self.h.T @ error
        self.dw1 = self.x.T @ (error @ self.w2.T * (1 - self.h**2))

    def update(self, learning_rate):
        self.w1 += learning_rate * self.dw1
        self.w2 += learning_rate * self.dw2
