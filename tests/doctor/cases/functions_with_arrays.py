"""right: forward and backward with the weights as arguments"""

import numpy as np


def relu(z):
    return np.maximum(z, 0)


def relu_prime(z):
    return (z > 0) * 1.0


def forward(X, W1, b1, W2, b2):
    Z1 = X @ W1 + b1
    A1 = relu(Z1)
    Z2 = A1 @ W2 + b2
    return Z1, A1, Z2


def backward(X, y, Z1, A1, Z2, W2):
    dZ2 = (Z2 - y) / len(X)
    dW2 = A1.T @ dZ2
    db2 = dZ2.sum(axis=0)
    dZ1 = dZ2 @ W2.T * relu_prime(Z1)
    dW1 = X.T @ dZ1
    db1 = dZ1.sum(axis=0)
    return dW1, db1, dW2, db2
