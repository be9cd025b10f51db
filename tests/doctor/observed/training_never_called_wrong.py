"""wrong missing-activation-derivative: a function that trains, and that nothing calls."""

import numpy as np


def build_model(X, y, hidden, passes=1000):
    W1 = np.random.randn(2, hidden)
    b1 = np.zeros((1, hidden))
    W2 = np.random.randn(hidden, 2)
    b2 = np.zeros((1, 2))
    rate = 0.02
    for _ in range(passes):
        h = np.tanh(X.dot(W1) + b1)
        z = h.dot(W2) + b2
        p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
        delta = p.copy()
        delta[range(len(X)), y] -= 1
        dW2 = h.T.dot(delta)
        db2 = np.sum(delta, axis=0)
        dh = delta.dot(W2.T)
        dW1 = X.T.dot(dh)
        db1 = np.sum(dh, axis=0)
        W1 = W1 - rate * dW1
        W2 = W2 - rate * dW2
        b1 = b1 - rate * db1
        b2 = b2 - rate * db2
    return W1, b1, W2, b2
