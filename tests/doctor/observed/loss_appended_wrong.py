"""wrong: a loss that is only kept in a list, and the slope of the sigmoid taken at its output."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_derivative(x):
    return sigmoid(x) * (1 - sigmoid(x))


rng = np.random.default_rng(0)
X = rng.normal(size=(20, 2))
y = (X[:, :1] + X[:, 1:] > 0).astype(float)
weights, bias = rng.normal(size=(2, 1)), rng.normal()
errors = []
for epoch in range(1000):
    weighted_sum = X @ weights + bias
    output = sigmoid(weighted_sum)
    error = y - output
    errors.append(np.mean(np.square(error)))
    gradient = error * sigmoid_derivative(output)
    weights += 0.1 * X.T @ gradient
    bias += 0.1 * np.sum(gradient)
