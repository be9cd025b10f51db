"""Logistic regression with one weight vector; columns are examples."""

import numpy as np


def forward(X, params):
    w, b = params["w"], params["b"]
    params["A"] = 1 / (1 + np.exp(-(np.dot(w.T, X) + b)))
    return params["A"]


def cost(Y, params):
    A = params["A"]
    m = Y.shape[1]
    return -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / m


def backward(X, Y, params):
    m = X.shape[1]
    dZ = params["A"] - Y
    dw = np.dot(X, dZ.T) / m
    db = np.sum(dZ, axis=1, keepdims=True) / m
    return {"dw": dw, "db": db}


def example(rng):
    return {
        "forward": forward,
        "backward": backward,
        "params": {"w": rng.normal(size=(5, 1)), "b": rng.normal(size=(1, 1))},
        "loss": cost,
        "x": rng.normal(size=(5, 8)),
        "y": rng.integers(0, 2, (1, 8)).astype(float),
        "axis": 1,
    }
