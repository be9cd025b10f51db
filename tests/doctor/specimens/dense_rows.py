"""Fully connected layer: every line of x is one example."""

import numpy as np


class Linear:
    def __init__(self, in_features, out_features, rng):
        self.weight = rng.normal(size=(in_features, out_features)) / np.sqrt(in_features)
        self.bias = rng.normal(size=out_features)
        self.weight_grad = np.zeros_like(self.weight)
        self.bias_grad = np.zeros_like(self.bias)
        self.input = None

    def forward(self, x):
        self.input = x
        return x @ self.weight + self.bias

    def backward(self, output_grad):
        self.weight_grad = self.input.T @ output_grad
        self.bias_grad = output_grad.sum(axis=0)
        return output_grad @ self.weight.T


def example(rng):
    return {"layer": Linear(4, 3, rng), "x": rng.normal(size=(5, 4))}
