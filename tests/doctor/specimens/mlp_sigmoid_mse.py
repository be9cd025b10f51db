"""One hidden layer, sigmoids throughout, mean squared error. Rows are examples."""

import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def sigmoid_derivative(a):
    """Of the output: a is already sigmoid(x)."""
    return a * (1.0 - a)


def forward_pass(x, params):
    params["S1"] = np.matmul(x, params["W1"]) + params["b1"]
    params["A1"] = sigmoid(params["S1"])
    params["S2"] = np.matmul(params["A1"], params["W2"]) + params["b2"]
    params["A2"] = sigmoid(params["S2"])
    return params["A2"]


def mse(y_true, params):
    return np.mean((params["A2"] - y_true) ** 2)


def backward_pass(x, y_true, params):
    grad_A2 = 2 * (params["A2"] - y_true) / y_true.size
    grad_S2 = grad_A2 * sigmoid_derivative(params["A2"])
    grad_W2 = np.matmul(params["A1"].T, grad_S2)
    grad_b2 = grad_S2.sum(0)
    grad_A1 = np.matmul(grad_S2, params["W2"].T)
    grad_S1 = grad_A1 * sigmoid_derivative(params["A1"])
    grad_W1 = np.matmul(x.T, grad_S1)
    grad_b1 = grad_S1.sum(0)
    return grad_W1, grad_b1, grad_W2, grad_b2


def example(rng):
    params = {
        "W1": rng.normal(size=(5, 4)),
        "b1": rng.normal(size=4),
        "W2": rng.normal(size=(4, 2)),
        "b2": rng.normal(size=2),
    }
    return {
        "forward": forward_pass,
        "backward": backward_pass,
        "params": params,
        "loss": mse,
        "x": rng.normal(size=(6, 5)),
        "y": rng.random((6, 2)),
    }
