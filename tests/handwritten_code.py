"""Layers as people write them before they know chainrule, one for each style that
`HandWritten` adopts. All compute tanh(x W + b) or x W + b, each in its own words."""

from __future__ import annotations

from typing import Any

import numpy as np


class KeepsGradients:
    """`backward(dy)`, gradients kept as attributes."""

    def __init__(self, in_features: int, out_features: int) -> None:
        rng = np.random.default_rng(1)
        self.weight = rng.standard_normal((in_features, out_features))
        self.bias = rng.standard_normal(out_features)

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, dy):
        self.weight_grad = self.x.T @ dy
        self.bias_grad = dy.sum(axis=0)
        return dy @ self.weight.T


class AccumulatesGradients(KeepsGradients):
    """The same with `+=`, on attributes made in the constructor."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.weight_grad = np.zeros_like(self.weight)
        self.bias_grad = np.zeros_like(self.bias)

    def backward(self, dy):
        self.weight_grad += self.x.T @ dy
        self.bias_grad += dy.sum(axis=0)
        return dy @ self.weight.T


class UpdatesItself:
    """`backward(dy, learning_rate)`, which moves the weights there and then, in place."""

    def __init__(self, in_features: int, out_features: int) -> None:
        rng = np.random.default_rng(2)
        self.weights = rng.standard_normal((in_features, out_features))
        self.bias = rng.standard_normal((1, out_features))

    def forward_propagation(self, input_data):
        self.input = input_data
        return self.input @ self.weights + self.bias

    def backward_propagation(self, output_error, learning_rate):
        input_error = output_error @ self.weights.T
        self.weights -= learning_rate * self.input.T @ output_error
        self.bias -= learning_rate * output_error.sum(axis=0, keepdims=True)
        return input_error


class IsGivenTheInput:
    """`backward(x, dy, learning_rate)`, which replaces its weights; examples are columns."""

    def __init__(self, in_features: int, out_features: int) -> None:
        rng = np.random.default_rng(3)
        self.W = rng.standard_normal((out_features, in_features))
        self.b = rng.standard_normal((out_features, 1))

    def forward(self, x):
        return np.tanh(self.W @ x + self.b)

    def backward(self, x, dy, lr):
        dz = dy * (1 - np.tanh(self.W @ x + self.b) ** 2)
        dx = self.W.T @ dz
        self.W = self.W - lr * dz @ x.T
        self.b = self.b - lr * dz.sum(axis=1, keepdims=True)
        return dx


def forward_over_dictionary(x, params: dict[str, Any]):
    """The first of a pair of functions that share a dictionary; it caches there too."""
    params["A0"] = x
    params["A1"] = np.tanh(x @ params["W1"] + params["b1"])
    return params["A1"]


def backward_over_dictionary(dy, params: dict[str, Any]):
    """The second: a dictionary of gradients."""
    dz = dy * (1 - params["A1"] ** 2)
    return {"dW1": params["A0"].T @ dz, "db1": dz.sum(axis=0), "dA0": dz @ params["W1"].T}


def shared_dictionary(in_features: int, out_features: int) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    return {
        "W1": rng.standard_normal((in_features, out_features)),
        "b1": rng.standard_normal(out_features),
    }
