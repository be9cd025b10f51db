"""Dense layer with ReLU inside; backward is given the input once more. Columns are examples."""

import numpy as np


class Dense:
    def __init__(self, n_inputs, n_units, rng):
        self.W = rng.standard_normal((n_units, n_inputs)) * np.sqrt(2.0 / n_inputs)
        self.b = rng.standard_normal((n_units, 1)) * 0.1

    def forward(self, input):
        return np.maximum(0, self.W @ input + self.b)

    def backward(self, input, dx_next, learning_rate):
        z = self.W @ input + self.b
        delta = dx_next * (z > 0)
        dx = self.W.T @ delta
        self.W = self.W - learning_rate * (delta @ input.T)
        self.b = self.b - learning_rate * delta.sum(axis=1, keepdims=True)
        return dx


def example(rng):
    layer = Dense(6, 4, rng)
    return {"layer": layer, "x": rng.standard_normal((6, 5)), "learning_rate": 0.01, "axis": 1}
