"""A regression network with two hidden tanh layers, no biases and the squared error."""

import numpy as np


class TwoHiddenLayers:
    def __init__(self, inputs, hidden1, hidden2, outputs, rng):
        self.W1 = rng.normal(size=(inputs, hidden1)) * 0.5
        self.W2 = rng.normal(size=(hidden1, hidden2)) * 0.5
        self.W3 = rng.normal(size=(hidden2, outputs)) * 0.5

    def forward(self, x):
        self.x = x
        self.h1 = np.tanh(x @ self.W1)
        self.h2 = np.tanh(self.h1 @ self.W2)
        self.y_pred = self.h2 @ self.W3
        return self.y_pred

    def backward(self, x, y):
        grad_y = 2 * (self.y_pred - y) / len(x)
        self.dW3 = self.h2.T @ grad_y
        grad_h2 = grad_y @ self.W3.T
        grad_a2 = grad_h2 * (1 - self.h2**2)
        self.dW2 = self.h1.T @ grad_a2
        grad_h1 = grad_a2 @ self.W2.T
        grad_a1 = grad_h1 * (1 - self.h1**2)
        self.dW1 = x.T @ grad_a1

    def step(self, learning_rate):
        self.W1 -= learning_rate * self.dW1
        self.W2 -= learning_rate * self.dW2
        self.W3 -= learning_rate * self.dW3


def squared_error(y_true, y_pred):
    return np.sum((y_pred - y_true) ** 2) / len(y_true)


def example(rng):
    return {
        "layer": TwoHiddenLayers(3, 6, 5, 2, rng),
        "x": rng.uniform(-1, 1, (8, 3)),
        "y": rng.normal(size=(8, 2)),
        "loss": squared_error,
    }
