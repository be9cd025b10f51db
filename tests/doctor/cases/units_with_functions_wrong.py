"""wrong derivative-at-wrong-point|wrong-activation-derivative: a network whose layers are given as pairs of a number of units and an activation."""

import numpy as np


class Tanh:
    def __call__(self, z):
        return np.tanh(z)

    def derivative(self, z):
        return 1 - z**2


class Network:
    def __init__(self, input_dim, hidden_layers):
        self.functions = [function for _, function in hidden_layers]
        sizes = [input_dim] + [units for units, _ in hidden_layers]
        rng = np.random.default_rng(3)
        self.weights = [rng.normal(size=pair) * 0.5 for pair in zip(sizes, sizes[1:])]

    def forward(self, x):
        self.inputs, self.sums = [], []
        for W, function in zip(self.weights, self.functions):
            self.inputs.append(x)
            self.sums.append(x @ W)
            x = function(self.sums[-1])
        return x

    def backward(self, dy):
        self.grads = [None] * len(self.weights)
        for number in reversed(range(len(self.weights))):
            dy = dy * self.functions[number].derivative(self.sums[number])
            self.grads[number] = self.inputs[number].T @ dy
            dy = dy @ self.weights[number].T
        return dy
