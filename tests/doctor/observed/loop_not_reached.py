"""partly: the data is not there, so the run does not come to the training loop."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


X = np.loadtxt("there_is_no_such_file.csv")
y = X[:, :1]
W1, W2 = np.random.randn(2, 4), np.random.randn(4, 1)

for epoch in range(len(X)):
    a1 = sigmoid(X @ W1)
    a2 = a1 @ W2
    d2 = a2 - y
    W2 -= 0.1 * a1.T @ d2
    W1 -= 0.1 * X.T @ (d2 @ W2.T)
