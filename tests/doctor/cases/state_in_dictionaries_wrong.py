"""wrong transposed|unknown|wrong-axis: as before, with a gradient that is another"""

import numpy as np


class Layer:
    def __init__(self, inputs, outputs):
        self.weights = {
            "W": np.random.default_rng(15).normal(size=(inputs, outputs)),
            "b": np.zeros(outputs),
        }
        self.d = {}

    def forward(self, x):
        self.inputs = x
        return x @ self.weights["W"] + self.weights["b"]

    def backward(self, grad):
        self.d = {"dW": (self.inputs.T @ grad).T, "db": grad.sum(axis=0)}
        return grad @ self.weights["W"].T
