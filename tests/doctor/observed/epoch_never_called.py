"""right: one epoch of a softmax regression is called, and one of two layers, which are handed in, is not."""

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def regression_epoch(X, y, theta, lr=0.1, batch=100):
    for i in range(0, len(X), batch):
        xb, yb = X[i : i + batch], y[i : i + batch]
        Z = softmax(xb @ theta)
        gradient = xb.T @ (Z - np.eye(theta.shape[1])[yb]) / batch
        theta -= lr * gradient


def nn_epoch(X, y, W1, W2, lr=0.1, batch=100):
    for i in range(0, len(X), batch):
        xb, yb = X[i : i + batch], y[i : i + batch]
        Z1 = np.maximum(0, xb @ W1)
        G2 = softmax(Z1 @ W2) - np.eye(W2.shape[1])[yb]
        G1 = (Z1 > 0) * (G2 @ W2.T)
        W1[:, :] = W1[:, :] - lr * xb.T @ G1 / batch
        W2[:, :] = W2[:, :] - lr * Z1.T @ G2 / batch


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    regression_epoch(rng.normal(size=(40, 3)), rng.integers(2, size=40), np.zeros((3, 2)), batch=8)
