"""right: examples are columns, and targets class numbers that become one-hot inside"""

import numpy as np


def init_params():
    return (
        np.random.rand(6, 9) - 0.5,
        np.random.rand(6, 1),
        np.random.rand(4, 6) - 0.5,
        np.random.rand(4, 1),
    )


def forward_prop(W1, b1, W2, b2, X):
    Z1 = W1.dot(X) + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2.dot(A1) + b2
    A2 = np.exp(Z2) / sum(np.exp(Z2))
    return Z1, A1, Z2, A2


def backward_prop(Z1, A1, Z2, A2, W1, W2, X, Y):
    m = Y.size
    target = np.zeros((A2.shape[0], m))
    target[Y, np.arange(m)] = 1
    dZ2 = A2 - target
    dW2 = dZ2.dot(A1.T) / m
    db2 = dZ2.sum(axis=1, keepdims=True) / m
    dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
    return dZ1.dot(X.T) / m, dZ1.sum(axis=1, keepdims=True) / m, dW2, db2
