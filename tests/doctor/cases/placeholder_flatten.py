"""right: layers without weights that have empty ones"""

import numpy as np


class Flatten:
    def __init__(self):
        self.weights, self.biases = np.array([]), np.array([])

    def forward(self, x):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dout, labels):
        return dout.reshape(self.shape)


class Sigmoid:
    def __init__(self):
        self.W, self.b = np.zeros((1, 1)), np.zeros((1, 1))

    def forward(self, z):
        self.s = 1 / (1 + np.exp(-z))
        return self.s

    def backward(self, dA, y_true):
        return dA * self.s * (1 - self.s)
