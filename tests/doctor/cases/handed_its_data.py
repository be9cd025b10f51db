"""right: a network that is handed its data when it is made, and passes without arguments."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Network:
    def __init__(self, X, Y, hidden=6):
        self.X, self.Y = X, Y
        self.w1 = np.random.randn(X.shape[1], hidden)
        self.w2 = np.random.randn(hidden, Y.shape[1])

    def feed_forward(self):
        self.a1 = sigmoid(self.X @ self.w1)
        self.output = sigmoid(self.a1 @ self.w2)

    def backprop(self):
        delta2 = 2 * (self.output - self.Y) * self.output * (1 - self.output)
        delta1 = delta2 @ self.w2.T * self.a1 * (1 - self.a1)
        self.w2 -= self.a1.T @ delta2
        self.w1 -= self.X.T @ delta1
