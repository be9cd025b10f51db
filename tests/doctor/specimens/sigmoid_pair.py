"""The sigmoid, which stays finite for large inputs, and its derivative of the output."""

import numpy as np


def sigmoid(x):
    small = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, small) / (1 + small)


def sigmoid_backward(s):
    return s * (1 - s)


def example(rng):
    return {
        "function": sigmoid,
        "derivative": sigmoid_backward,
        "of": "output",
        "x": rng.normal(0, 2, 50),
    }
