"""Two hidden sigmoid layers, softmax with cross-entropy and an L2 term. Rows are examples."""

import numpy as np

LAMBDA = 0.1


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    z = z - np.max(z, axis=1, keepdims=True)
    return np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)


def forward(X, p):
    p["Z1"] = X.dot(p["W1"]) + p["b1"]
    p["A1"] = sigmoid(p["Z1"])
    p["Z2"] = p["A1"].dot(p["W2"]) + p["b2"]
    p["A2"] = sigmoid(p["Z2"])
    p["Z3"] = p["A2"].dot(p["W3"]) + p["b3"]
    p["P"] = softmax(p["Z3"])
    return p["P"]


def loss(Y, p):
    data = -np.mean(np.sum(Y * np.log(p["P"]), axis=1))
    penalty = sum(np.sum(p[name] ** 2) for name in ("W1", "W2", "W3"))
    return data + LAMBDA / 2 * penalty


def backward(X, Y, p):
    N = X.shape[0]
    grads = {}

    delta3 = (p["P"] - Y) / N
    grads["dW3"] = p["A2"].T.dot(delta3) + LAMBDA * p["W3"]
    grads["db3"] = delta3.sum(axis=0)

    delta2 = delta3.dot(p["W3"].T) * p["A2"] * (1 - p["A2"])
    grads["dW2"] = p["A1"].T.dot(delta2) + LAMBDA * p["W2"]
    grads["db2"] = delta2.sum(axis=0)

    delta1 = delta2.dot(p["W2"].T) * p["A1"] * (1 - p["A1"])
    grads["dW1"] = X.T.dot(delta1) + LAMBDA * p["W1"]
    grads["db1"] = delta1.sum(axis=0)
    return grads


def example(rng):
    sizes = [9, 7, 5, 3]
    params = {}
    for i in range(1, 4):
        n_in, n_out = sizes[i - 1], sizes[i]
        params[f"W{i}"] = rng.normal(0, 1 / np.sqrt(n_in), (n_in, n_out))
        params[f"b{i}"] = rng.normal(0, 0.1, n_out)
    Y = np.eye(3)[rng.integers(0, 3, size=6)]
    return {
        "forward": forward,
        "backward": backward,
        "params": params,
        "loss": loss,
        "x": rng.random((6, 9)),
        "y": Y,
    }
