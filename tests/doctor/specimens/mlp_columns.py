"""A network for digits, 784-128-64-10 in the lab and smaller here. Columns are examples."""

import numpy as np


def relu(s):
    return np.maximum(s, 0)


def softmax(s):
    e = np.exp(s - s.max(axis=0, keepdims=True))
    return e / e.sum(axis=0, keepdims=True)


def init_params(sizes, rng):
    params = {}
    for layer in range(1, len(sizes)):
        fan_in = sizes[layer - 1]
        params[f"W{layer}"] = rng.standard_normal((sizes[layer], fan_in)) * np.sqrt(2 / fan_in)
        params[f"b{layer}"] = rng.standard_normal((sizes[layer], 1)) * 0.1
    return params


def forward_pass(x, params):
    params["A0"] = x
    params["S1"] = params["W1"] @ params["A0"] + params["b1"]
    params["A1"] = relu(params["S1"])
    params["S2"] = params["W2"] @ params["A1"] + params["b2"]
    params["A2"] = relu(params["S2"])
    params["S3"] = params["W3"] @ params["A2"] + params["b3"]
    params["A3"] = softmax(params["S3"])
    return params["A3"]


def predict(x, params):
    a1 = relu(params["W1"] @ x + params["b1"])
    a2 = relu(params["W2"] @ a1 + params["b2"])
    return softmax(params["W3"] @ a2 + params["b3"])


def cross_entropy(y_true, params):
    m = y_true.shape[1]
    return -np.sum(y_true * np.log(params["A3"] + 1e-12)) / m


def backward_pass(x, y_true, params):
    m = x.shape[1]
    dS3 = params["A3"] - y_true
    dW3 = dS3 @ params["A2"].T / m
    db3 = np.sum(dS3, axis=1, keepdims=True) / m

    dA2 = params["W3"].T @ dS3
    dS2 = dA2 * (params["S2"] > 0)
    dW2 = dS2 @ params["A1"].T / m
    db2 = np.sum(dS2, axis=1, keepdims=True) / m

    dA1 = params["W2"].T @ dS2
    dS1 = dA1 * (params["S1"] > 0)
    dW1 = dS1 @ params["A0"].T / m
    db1 = np.sum(dS1, axis=1, keepdims=True) / m
    return {"dW1": dW1, "db1": db1, "dW2": dW2, "db2": db2, "dW3": dW3, "db3": db3}


def example(rng):
    labels = rng.integers(4, size=7)
    return {
        "forward": forward_pass,
        "backward": backward_pass,
        "predict": predict,
        "params": init_params([12, 8, 6, 4], rng),
        "loss": cross_entropy,
        "x": rng.random((12, 7)),
        "y": np.eye(4)[labels].T,
        "axis": 1,
    }
