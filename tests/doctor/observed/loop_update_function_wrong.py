"""wrong derivative-at-wrong-point: a loop whose updates a function makes."""

import numpy as np

rng = np.random.default_rng(4)
X = rng.normal(size=(40, 4))
Y = np.eye(3)[rng.integers(3, size=40)]


def update_parameters(W1, b1, W2, b2, dW1, db1, dW2, db2, lr):
    return W1 - lr * dW1, b1 - lr * db1, W2 - lr * dW2, b2 - lr * db2


W1, b1 = rng.normal(size=(4, 6)), np.zeros(6)
W2, b2 = rng.normal(size=(6, 3)), np.zeros(3)
for i in range(500):
    Z1 = X @ W1 + b1
    A1 = 1 / (1 + np.exp(-Z1))
    Z2 = A1 @ W2 + b2
    E = np.exp(Z2)
    P = E / E.sum(axis=1, keepdims=True)
    cost = -np.sum(Y * np.log(P)) / 40
    dZ2 = (P - Y) / 40
    dW2, db2 = A1.T @ dZ2, dZ2.sum(0)
    dZ1 = dZ2 @ W2.T * Z1 * (1 - Z1)
    dW1, db1 = X.T @ dZ1, dZ1.sum(0)
    W1, b1, W2, b2 = update_parameters(W1, b1, W2, b2, dW1, db1, dW2, db2, 0.5)
