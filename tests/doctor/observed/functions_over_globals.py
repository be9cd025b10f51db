"""right: functions that read and update the weights among the names of the file, without an end."""

import numpy as np

X = np.random.rand(30, 3)
t = np.sum(X, axis=1, keepdims=True) ** 2
W1 = np.random.randn(3, 5)
b1 = np.zeros(5)
W2 = np.random.randn(5, 1)
b2 = np.zeros(1)


def forward(x):
    global h, o
    h = np.maximum(0, x @ W1 + b1)
    o = h @ W2 + b2
    return o


def backward(x, y):
    dout = 2 * (o - y) / y.size
    dW2 = h.T @ dout
    db2 = dout.sum(0)
    dh = dout @ W2.T
    dh[h <= 0] = 0
    dW1 = x.T @ dh
    db1 = dh.sum(0)
    return dW1, db1, dW2, db2


while True:
    prediction = forward(X)
    loss = np.mean((prediction - t) ** 2)
    dW1, db1, dW2, db2 = backward(X, t)
    W1 -= 0.01 * dW1
    b1 -= 0.01 * db1
    W2 -= 0.01 * dW2
    b2 -= 0.01 * db2
