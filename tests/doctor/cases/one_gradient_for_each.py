"""right: gradients with one for each example, which the update averages."""

import numpy as np


class Dense:
    def __init__(self, n_in, n_out):
        self.weights = {"W": np.random.randn(1, n_out, n_in), "b": np.random.randn(1, n_out, 1)}

    def forward(self, inputs):
        return np.matmul(self.weights["W"], inputs) + self.weights["b"]

    def backward(self, inputs, delta):
        return {
            "W": np.matmul(delta, np.transpose(inputs, [0, 2, 1])),
            "b": 1 * delta,
            "x": np.matmul(np.transpose(self.weights["W"], [0, 2, 1]), delta),
        }


def example(rng):
    return {"layer": Dense(4, 3), "x": rng.normal(size=(5, 4, 1))}
