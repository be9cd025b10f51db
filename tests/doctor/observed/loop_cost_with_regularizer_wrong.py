"""wrong missing-regularizer: the cost holds a regularizer of both layers, one gradient does not."""

import numpy as np


def train(X, y, hidden=8, steps=300, lr=0.5, reg=1e-3):
    rng = np.random.default_rng(0)
    n, d = X.shape
    k = y.max() + 1
    W1 = 0.1 * rng.standard_normal((d, hidden))
    b1 = np.zeros((1, hidden))
    W2 = 0.1 * rng.standard_normal((hidden, k))
    b2 = np.zeros((1, k))
    for step in range(steps):
        h = np.maximum(0, X @ W1 + b1)
        scores = h @ W2 + b2
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = e / e.sum(axis=1, keepdims=True)
        cost = -np.log(p[np.arange(n), y]).mean() + 0.5 * reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        ds = p.copy()
        ds[np.arange(n), y] -= 1
        ds /= n
        dW2 = h.T @ ds + reg * W2
        db2 = ds.sum(axis=0, keepdims=True)
        dh = ds @ W2.T
        dh[h <= 0] = 0
        dW1 = X.T @ dh
        db1 = dh.sum(axis=0, keepdims=True)
        W1 -= lr * dW1
        b1 -= lr * db1
        W2 -= lr * dW2
        b2 -= lr * db2
        if step % 100 == 0:
            print(step, cost)


rng = np.random.default_rng(1)
X = rng.standard_normal((60, 4))
y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)
train(X, y)
