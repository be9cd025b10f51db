"""wrong partial-sum|wrong-axis|batch-scale|constant-scale: a layer whose only argument is a pair of sizes, taken by their places."""

import numpy as np


class Linear:
    def __init__(self, size):
        self.weights = np.random.randn(size[1], size[0]) / np.sqrt(size[0])
        self.biases = np.random.randn(size[1], 1)

    def forward(self, a):
        self.a = a
        return a @ self.weights.T + self.biases.T

    def backprop(self, delta):
        self.grad_weights = delta.T @ self.a
        self.grad_biases = delta.mean(axis=0).reshape(-1, 1)
        return delta @ self.weights
