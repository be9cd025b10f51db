"""right: absolute errors are computed to be looked at, and squares are made small."""

import numpy as np

np.random.seed(0)
X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
y = np.array([[0], [1], [1], [0]], float)
w1 = np.random.randn(2, 4)
w2 = np.random.randn(4, 1)


def sig(z):
    return 1 / (1 + np.exp(-z))


for epoch in range(1000):
    hidden = sig(X @ w1)
    out = sig(hidden @ w2)
    error = y - out
    loss = np.mean(np.abs(error))
    delta = error * out * (1 - out)
    hidden_delta = delta @ w2.T * hidden * (1 - hidden)
    w2 += hidden.T @ delta
    w1 += X.T @ hidden_delta
    if epoch % 100 == 0:
        print(loss)
