"""wrong: made with its sizes in a dictionary, beside a right tanh."""

import numpy as np


def tanh(x):
    return np.tanh(x)


def tanh_derivative(y):
    return 1 - y**2


class Network:
    def __init__(self, config):
        self.W = np.random.randn(config["in"], config["out"])

    def forward(self, x):
        self.x, self.y = x, tanh(x @ self.W)
        return self.y

    def backward(self, dy):
        self.dW = self.x.T @ dy
        return dy @ self.W.T
