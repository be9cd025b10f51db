"""right: both passes stand within the function that trains, over its names."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def fit(X, y, hidden=5, rate=0.5, rounds=2000):
    rng = np.random.RandomState(1)
    W1 = rng.randn(X.shape[1], hidden)
    b1 = np.zeros((1, hidden))
    W2 = rng.randn(hidden, 1)
    b2 = np.zeros((1, 1))

    def forward(X):
        A1 = np.tanh(X.dot(W1) + b1)
        A2 = sigmoid(A1.dot(W2) + b2)
        return A1, A2

    def backward(X, y, A1, A2):
        dZ2 = (A2 - y) / len(X)
        dW2 = A1.T.dot(dZ2)
        db2 = dZ2.sum(axis=0, keepdims=True)
        dZ1 = dZ2.dot(W2.T) * (1 - A1**2)
        dW1 = X.T.dot(dZ1)
        db1 = dZ1.sum(axis=0, keepdims=True)
        return dW1, db1, dW2, db2

    for i in range(rounds):
        A1, A2 = forward(X)
        loss = -np.mean(y * np.log(A2) + (1 - y) * np.log(1 - A2))
        dW1, db1, dW2, db2 = backward(X, y, A1, A2)
        W1 -= rate * dW1
        b1 -= rate * db1
        W2 -= rate * dW2
        b2 -= rate * db2
        if i % 500 == 0:
            print(i, loss)
    return W1, b1, W2, b2


X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = np.array([[0.0], [1.0], [1.0], [0.0]])
fit(X, y)
