"""right: train keeps the output between the passes, as the backward pass needs it."""

import numpy as np


def sigmoid(t):
    return 1 / (1 + np.exp(-t))


class Network:
    def __init__(self, x, y):
        self.input = x
        self.y = y
        self.weights1 = np.random.rand(x.shape[1], 4)
        self.weights2 = np.random.rand(4, 1)
        self.output = np.zeros(y.shape)

    def feedforward(self):
        self.layer1 = sigmoid(self.input @ self.weights1)
        return sigmoid(self.layer1 @ self.weights2)

    def backprop(self):
        slope = 2 * (self.y - self.output) * self.output * (1 - self.output)
        hidden = (slope @ self.weights2.T) * self.layer1 * (1 - self.layer1)
        self.weights2 += self.layer1.T @ slope
        self.weights1 += self.input.T @ hidden

    def train(self):
        self.output = self.feedforward()
        self.backprop()


x = np.array([[0, 0, 1], [0, 1, 1], [1, 0, 1], [1, 1, 1]], dtype=float)
y = np.array([[0], [1], [1], [0]], dtype=float)
network = Network(x, y)
for _ in range(1500):
    print("Predicted", network.feedforward())
    network.train()
