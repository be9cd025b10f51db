"""partly: the loss takes targets in a row with an output in a column, and the gradients do not."""

import numpy as np

rng = np.random.default_rng(0)
X, y = rng.normal(size=(6, 2)), np.array([0, 1, 1, 0, 1, 0])


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def forward(X, params):
    hidden = np.tanh(X @ params["W1"] + params["b1"])
    return hidden, sigmoid(hidden @ params["W2"] + params["b2"])


def entropy(p, y):
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def gradients(X, y, hidden, p, params):
    dz = (p - y.reshape(-1, 1)) / len(X)
    dh = dz @ params["W2"].T * (1 - hidden**2)
    return {"W2": hidden.T @ dz, "b2": dz.sum(0), "W1": X.T @ dh, "b1": dh.sum(0)}


def train(X, y, rounds=20, lr=0.1):
    W = {"W1": rng.normal(size=(2, 3)), "b1": np.zeros(3), "W2": rng.normal(size=(3, 1))}
    W["b2"] = np.zeros(1)
    for _ in range(rounds):
        hidden, p = forward(X, W)
        loss = entropy(p, y)
        grads = gradients(X, y, hidden, p, W)
        for name in W:
            W[name] -= lr * grads[name]


train(X, y)
