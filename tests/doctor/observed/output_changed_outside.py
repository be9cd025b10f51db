"""not checked between its passes the run changes output: what the script puts there is not known."""

import numpy as np


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


class Network:
    def __init__(self, x, y):
        self.input = x
        self.y = y
        self.weights = np.random.rand(x.shape[1], 1)
        self.output = np.zeros(y.shape)

    def feedforward(self):
        return sigmoid(self.input @ self.weights)

    def backprop(self):
        slope = 2 * (self.y - self.output) * self.output * (1 - self.output)
        self.weights += self.input.T @ slope


x = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float)
y = np.array([[0], [1], [1], [0]], dtype=float)
network = Network(x, y)
for _ in range(1500):
    network.output = network.feedforward().round(3)
    network.backprop()
