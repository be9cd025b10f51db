"""wrong wrong-axis|batch-scale: as pairs_handed_back, with a mean in place of the sum."""

import numpy as np


class Dense:
    def __init__(self, inputs, outputs):
        self.matrix = np.random.default_rng(1).normal(size=(inputs, outputs))
        self.offset = np.zeros((1, outputs))

    def forward(self, x):
        self.kept = x
        return x @ self.matrix + self.offset

    def backward(self, dy):
        first, second = self.kept.T @ dy, dy.mean(axis=0, keepdims=True)
        return dy @ self.matrix.T, [(self.matrix, first), (self.offset, second)]
