"""wrong wrong-activation-derivative|derivative-at-wrong-point: a loop with momentum and its velocities written out, on a regression."""

import numpy as np

rng = np.random.default_rng(2)
X = rng.normal(size=(50, 3))
y = np.sin(X.sum(axis=1, keepdims=True))
W1, b1 = rng.normal(size=(3, 7)) * 0.5, np.zeros((1, 7))
W2, b2 = rng.normal(size=(7, 1)) * 0.5, np.zeros((1, 1))
vW1, vb1, vW2, vb2 = 0, 0, 0, 0
mu, lr = 0.9, 0.05

for epoch in range(2000):
    h = np.tanh(X @ W1 + b1)
    pred = h @ W2 + b2
    loss = np.mean((pred - y) ** 2)
    dpred = 2 * (pred - y) / len(X)
    dW2 = h.T @ dpred
    db2 = np.sum(dpred, axis=0, keepdims=True)
    dh = dpred @ W2.T * (1 - h)
    dW1 = X.T @ dh
    db1 = np.sum(dh, axis=0, keepdims=True)
    vW1 = mu * vW1 - lr * dW1
    vb1 = mu * vb1 - lr * db1
    vW2 = mu * vW2 - lr * dW2
    vb2 = mu * vb2 - lr * db2
    W1 += vW1
    b1 += vb1
    W2 += vW2
    b2 += vb2
