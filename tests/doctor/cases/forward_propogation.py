"""right: functions whose names are spelt in their author's way."""

import numpy as np


def init_params():
    W1, b1 = np.random.randn(5, 14), np.random.randn(5, 1)
    W2, b2 = np.random.randn(10, 5), np.random.randn(10, 1)
    return W1, b1, W2, b2


def forward_propogation(W1, b1, W2, b2, X):
    Z1 = W1.dot(X) + b1
    A1 = np.maximum(Z1, 0)
    Z2 = W2.dot(A1) + b2
    exp_Z = np.exp(Z2 - np.max(Z2, axis=0, keepdims=True))
    A2 = exp_Z / np.sum(exp_Z, axis=0, keepdims=True)
    return Z1, A1, Z2, A2


def backward_propogation(Z1, A1, Z2, A2, W1, W2, X, Y):
    m = X.shape[1]
    dZ2 = A2 - np.eye(10)[Y].T
    dW2, db2 = dZ2.dot(A1.T) / m, np.sum(dZ2, axis=1, keepdims=True) / m
    dZ1 = W2.T.dot(dZ2) * (Z1 > 0)
    dW1, db1 = dZ1.dot(X.T) / m, np.sum(dZ1, axis=1, keepdims=True) / m
    return dW1, db1, dW2, db2
