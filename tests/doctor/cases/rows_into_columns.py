"""right: examples are rows of the input and the targets, and columns of the output."""

import numpy as np


def forward_pass(A0, params):
    Z1 = params["W1"] @ A0.T + params["b1"]
    A1 = np.tanh(Z1)
    Z2 = params["W2"] @ A1 + params["b2"]
    e = np.exp(Z2 - Z2.max(axis=0))
    return {"Z1": Z1, "A1": A1, "Z2": Z2, "A2": e / e.sum(axis=0)}


def backward_pass(A0, activations, params, Y):
    dZ2 = (activations["A2"] - Y.T) / len(A0)
    dZ1 = params["W2"].T @ dZ2 * (1 - activations["A1"] ** 2)
    return {
        "dW2": dZ2 @ activations["A1"].T,
        "db2": dZ2.sum(axis=1, keepdims=True),
        "dW1": dZ1 @ A0,
        "db1": dZ1.sum(axis=1, keepdims=True),
    }
