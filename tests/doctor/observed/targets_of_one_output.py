"""right: a function that trains one output, and that nothing calls: targets of three do not fit it."""

import numpy as np


def train(X, y, hidden=5, epochs=1000):
    W1 = np.random.randn(X.shape[1], hidden)
    W2 = np.random.randn(hidden, 1)
    lr = 0.1
    for _ in range(epochs):
        h = np.tanh(X @ W1)
        out = h @ W2
        error = out - y
        loss = 0.5 * np.sum(error**2)
        dW2 = h.T @ error
        dW1 = X.T @ (error @ W2.T * (1 - h**2))
        W1 = W1 - lr * dW1
        W2 = W2 - lr * dW2
    return W1, W2, loss
