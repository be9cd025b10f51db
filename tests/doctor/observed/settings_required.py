"""right: a script that requires a setting on its command line, and calls a function that gives both."""

import argparse

import numpy as np


def loss_and_gradient(theta, X, y, strength):
    m = len(y)
    h = 1 / (1 + np.exp(-X @ theta))
    J = -np.mean(y * np.log(h) + (1 - y) * np.log(1 - h)) + strength / (2 * m) * np.sum(theta**2)
    grad = X.T @ (h - y) / m + strength / m * theta
    return J, grad


parser = argparse.ArgumentParser()
parser.add_argument("data")
parser.add_argument("--rate", type=float, required=True)
options = parser.parse_args()
rng = np.random.default_rng(2)
X, y, theta = rng.normal(size=(8, 3)), rng.integers(2, size=8), rng.normal(size=3)
for _ in range(20):
    J, grad = loss_and_gradient(theta, X, y, 0.5)
    theta = theta - (options.rate or 0.1) * grad
