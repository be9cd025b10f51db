"""right: a function that trains, and that nothing calls."""

import numpy as np


def build_model(X, y, hidden, passes=1000):
    W1 = np.random.randn(X.shape[1], hidden)
    b1 = np.zeros((1, hidden))
    W2 = np.random.randn(hidden, y.shape[1])
    rate = 0.02
    for _ in range(passes):
        h = np.tanh(X.dot(W1) + b1)
        out = h.dot(W2)
        loss = 0.5 * np.sum((out - y) ** 2)
        dW2 = h.T.dot(out - y)
        dh = (1 - h**2) * (out - y).dot(W2.T)
        dW1 = X.T.dot(dh)
        db1 = np.sum(dh, axis=0)
        W1 = W1 - rate * dW1
        W2 = W2 - rate * dW2
        b1 = b1 - rate * db1
    return W1, b1, W2, loss
