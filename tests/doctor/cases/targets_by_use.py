"""right: targets that only what is done with them shows, in functions with an update of their own."""

import numpy as np


def relu(z):
    return np.maximum(0, z)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def forward_pass(X, W1, W2, B1, B2):
    Z1 = X @ W1 + B1
    A1 = relu(Z1)
    Z2 = A1 @ W2 + B2
    A2 = softmax(Z2)
    return Z1, A1, Z2, A2


def entropy_loss(A2, E):
    return -np.mean(np.sum(E * np.log(A2), axis=1))


def backward_pass(W1, W2, B1, B2, X, E, A1, A2, Z1, Z2, learning_rate=0.01):
    dZ2 = (A2 - E) / len(X)
    dZ1 = dZ2 @ W2.T * (Z1 > 0)
    W1 -= learning_rate * X.T @ dZ1
    W2 -= learning_rate * A1.T @ dZ2
    B1 -= learning_rate * dZ1.sum(axis=0)
    B2 -= learning_rate * dZ2.sum(axis=0)
    return W1, W2, B1, B2
