"""right: a network that is told how many layers it has, and the sizes of the hidden ones."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


class FeedForward:
    def __init__(
        self, num_layers, num_features, num_hidden_units: list, num_classes, act, act_prime
    ):
        self.num_layers, self.sizes = num_layers, [num_features]
        for number in range(num_layers - 2):
            self.sizes.append(num_hidden_units[number])
        self.sizes.append(num_classes)
        self.act, self.act_prime = act, act_prime
        rng = np.random.default_rng(0)
        self.weights = [rng.normal(size=(b, a)) for a, b in zip(self.sizes, self.sizes[1:])]
        self.biases = [np.zeros((b, 1)) for b in self.sizes[1:]]

    def forward(self, x):
        self.zs, self.activations = [], [x]
        for W, b in zip(self.weights, self.biases):
            self.zs.append(W @ self.activations[-1] + b)
            self.activations.append(self.act(self.zs[-1]))
        return self.activations[-1]

    def backward(self, x, y):
        delta = (self.activations[-1] - y) * self.act_prime(self.zs[-1])
        self.dweights, self.dbiases = [], []
        for number in range(self.num_layers - 2, -1, -1):
            self.dweights.insert(0, delta @ self.activations[number].T)
            self.dbiases.insert(0, delta.sum(axis=1, keepdims=True))
            if number:
                delta = (self.weights[number].T @ delta) * self.act_prime(self.zs[number - 1])

    def loss(self, y_pred, y):
        return 0.5 * np.sum((y_pred - y) ** 2)
