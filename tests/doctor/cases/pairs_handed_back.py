"""right: backward hands back each parameter with its gradient, as pairs in a list."""

import numpy as np


class Dense:
    def __init__(self, inputs, outputs):
        self.matrix = np.random.default_rng(1).normal(size=(inputs, outputs))
        self.offset = np.zeros((1, outputs))

    def forward(self, x):
        self.kept = x
        return x @ self.matrix + self.offset

    def backward(self, dy):
        first, second = self.kept.T @ dy, dy.sum(axis=0, keepdims=True)
        return dy @ self.matrix.T, [(self.matrix, first), (self.offset, second)]
