"""wrong stale-weights|unknown|wrong-variable: one example at a time, and the output's weights are updated before they are used."""

import numpy as np

np.random.seed(42)
X = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 1], [0, 0, 1]])
y = np.array([[0], [1], [1], [0]])
w01 = np.random.randn(3, 4) * 0.5
w12 = np.random.randn(4, 1) * 0.5
lr = 0.5

for epoch in range(100):
    total_error = 0
    for i in range(len(X)):
        hidden = np.tanh(X[i] @ w01)
        output = hidden @ w12
        error = output - y[i]
        total_error += (error**2)[0]
        w12 -= lr * np.outer(hidden, error)
        d_hidden = (error @ w12.T) * (1 - hidden**2)
        w01 -= lr * np.outer(X[i], d_hidden)
    print(epoch, total_error)
