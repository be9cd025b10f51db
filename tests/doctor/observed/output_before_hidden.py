"""right: rows go in, columns come out, and the forward pass returns its output before the layer below."""

import numpy as np

rng = np.random.default_rng(0)
W_hidden, b_hidden = 0.5 * rng.normal(size=(6, 4)), np.zeros((6, 1))
W_last, b_last = 0.5 * rng.normal(size=(3, 6)), np.zeros((3, 1))


def softmax(z):
    e = np.exp(z - z.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def forward(X):
    hidden = np.maximum(0, W_hidden @ X.T + b_hidden)
    final = softmax(W_last @ hidden + b_last)
    return final, hidden


def backpropagation(X, one_hot, final, hidden):
    error_last = final - one_hot.T
    gradient_W_last = error_last @ hidden.T / len(X)
    gradient_b_last = error_last.sum(axis=1, keepdims=True) / len(X)
    error_hidden = (W_last.T @ error_last) * (hidden > 0)
    gradient_W_hidden = error_hidden @ X / len(X)
    gradient_b_hidden = error_hidden.sum(axis=1, keepdims=True) / len(X)
    return gradient_W_last, gradient_b_last, gradient_W_hidden, gradient_b_hidden


def train(X, one_hot, epochs, lr):
    global W_last, b_last, W_hidden, b_hidden
    for _ in range(epochs):
        final, hidden = forward(X)
        dW_last, db_last, dW_hidden, db_hidden = backpropagation(X, one_hot, final, hidden)
        W_last -= lr * dW_last
        b_last -= lr * db_last
        W_hidden -= lr * dW_hidden
        b_hidden -= lr * db_hidden


train(rng.normal(size=(8, 4)), np.eye(3)[rng.integers(3, size=8)], 50, 0.1)
