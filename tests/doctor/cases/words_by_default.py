"""right: functions that take a word by default, whose name is also that of an output."""

import numpy as np


def initialize_parameters(n_x, n_h_1, n_y):
    return {
        "W1": np.random.randn(n_x, n_h_1),
        "b1": np.zeros((n_h_1, 1)),
        "W2": np.random.randn(n_h_1, n_y),
        "b2": np.zeros((n_y, 1)),
    }


def forward_propagation(X, parameters, activation="tanh"):
    Z1 = parameters["W1"].T @ X + parameters["b1"]
    A1 = np.maximum(0, Z1) if activation == "relu" else np.tanh(Z1)
    A2 = 1 / (1 + np.exp(-(parameters["W2"].T @ A1 + parameters["b2"])))
    return {"Z1": Z1, "A1": A1, "A2": A2}


def backward_propagation(parameters, cache, X, Y, activation="tanh"):
    m = X.shape[1]
    dZ2 = cache["A2"] - Y
    if activation == "relu":
        dZ1 = parameters["W2"] @ dZ2 * (cache["Z1"] > 0)
    else:
        dZ1 = parameters["W2"] @ dZ2 * (1 - cache["A1"] ** 2)
    return {
        "dW2": cache["A1"] @ dZ2.T / m,
        "db2": dZ2.sum(axis=1, keepdims=True) / m,
        "dW1": X @ dZ1.T / m,
        "db1": dZ1.sum(axis=1, keepdims=True) / m,
    }
