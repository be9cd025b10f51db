"""wrong sign|wrong-activation-derivative|derivative-at-wrong-point: a table that is not there, read by NumPy and taken apart by the places of its columns."""

import numpy as np

table = np.loadtxt("pima.csv", delimiter=",")
X, y = table[:, 0:8], table[:, 8:9]
X = (X - X.mean(0)) / X.std(0)
W1 = np.random.RandomState(0).randn(8, 5) * 0.3
W2 = np.random.RandomState(1).randn(5, 1) * 0.3

for epoch in range(300):
    h = np.tanh(X @ W1)
    p = 1 / (1 + np.exp(-h @ W2))
    loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
    d = (p - y) / len(X)
    dW2 = h.T @ d
    dW1 = X.T @ (d @ W2.T * (1 + h**2))
    W1 -= 0.1 * dW1
    W2 -= 0.1 * dW2
