"""right: all sizes have defaults, weights in a list"""

import numpy as np


class XorNet:
    def __init__(self, sizes=(2, 4, 1)):
        rng = np.random.default_rng(17)
        self.W = [rng.normal(size=(a, b)) for a, b in zip(sizes, sizes[1:])]
        self.b = [np.zeros((1, b)) for b in sizes[1:]]

    def forward(self, X):
        self.a = [X]
        for W, b in zip(self.W, self.b):
            self.a.append(1 / (1 + np.exp(-(self.a[-1] @ W + b))))
        return self.a[-1]

    def backward(self, y, lr=0.5):
        delta = (self.a[-1] - y) * self.a[-1] * (1 - self.a[-1])
        for i in (1, 0):
            back = delta @ self.W[i].T * self.a[i] * (1 - self.a[i])
            self.W[i] -= lr * self.a[i].T @ delta
            self.b[i] -= lr * delta.sum(axis=0, keepdims=True)
            delta = back
