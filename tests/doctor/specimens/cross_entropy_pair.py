"""Categorical cross-entropy of probabilities, and its derivative."""

import numpy as np


def categorical_cross_entropy(y_true, y_pred):
    return -np.sum(y_true * np.log(y_pred)) / y_true.shape[0]


def categorical_cross_entropy_prime(y_true, y_pred):
    return -(y_true / y_pred) / y_true.shape[0]


def example(rng):
    probabilities = rng.dirichlet(np.ones(4), size=6)
    return {
        "loss": categorical_cross_entropy,
        "derivative": categorical_cross_entropy_prime,
        "x": 0.8 * probabilities + 0.05,
        "y": np.eye(4)[rng.integers(4, size=6)],
    }
