"""right: class numbers that the network makes columns with a one, for squared errors; no rate."""

import numpy as np


class Network:
    def __init__(self, sizes):
        self.weights = [np.random.randn(b, a) for a, b in zip(sizes[:-1], sizes[1:])]
        self.biases = [np.random.randn(b, 1) for b in sizes[1:]]

    def feed_forward(self, x):
        self.a = [x]
        for w, b in zip(self.weights, self.biases):
            self.a.append(1 / (1 + np.exp(-(w @ self.a[-1] + b))))
        return self.a[-1]

    def backpropagation(self, x, y, learning_rate=None):
        self.feed_forward(x)
        delta = (self.a[-1] - np.eye(len(self.a[-1]))[:, y]) * self.a[-1] * (1 - self.a[-1])
        delta_w, delta_b = [], []
        for number in range(len(self.weights) - 1, -1, -1):
            delta_w.insert(0, delta @ self.a[number].T)
            delta_b.insert(0, delta.sum(axis=1, keepdims=True))
            slopes = self.a[number] * (1 - self.a[number])
            delta = self.weights[number].T @ delta * slopes
        return delta_w, delta_b
