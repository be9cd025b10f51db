"""right: a loop that computes no loss, and subtracts from its output entry by entry."""

import numpy as np


def build_model(X, y, rate=0.02, rounds=1000):
    W1, b1 = np.random.randn(2, 5), np.zeros((1, 5))
    W2, b2 = np.random.randn(5, 2), np.zeros((1, 2))
    for _ in range(rounds):
        h = np.tanh(X.dot(W1) + b1)
        y_pred = h.dot(W2) + b2
        delta = y_pred
        for j in range(len(y_pred)):
            if y[j] == 0:
                delta[j, 0] = y_pred[j, 0] - 1
            else:
                delta[j, 1] = y_pred[j, 1] - 1
        delta = 2 * delta / delta.size
        dh = (1 - h**2) * delta.dot(W2.T)
        W2 = W2 - rate * h.T.dot(delta)
        b2 = b2 - rate * delta.sum(axis=0)
        W1 = W1 - rate * X.T.dot(dh)
        b1 = b1 - rate * dh.sum(axis=0)
    return W1, b1, W2, b2
