"""partly: a network in a training loop, beside a derivative that can be checked alone."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_derivative(x):
    return x * (1 - x)


X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0], [1], [1], [0]])
W1, W2 = np.random.randn(2, 4), np.random.randn(4, 1)

for _ in range(50):
    a1 = sigmoid(np.dot(X, W1))
    a2 = sigmoid(np.dot(a1, W2))
    d2 = (y - a2) * sigmoid_derivative(a2)
    d1 = np.dot(d2, W2.T)
    W2 += np.dot(a1.T, d2)
    W1 += np.dot(X.T, d1)
