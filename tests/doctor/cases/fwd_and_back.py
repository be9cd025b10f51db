"""right: fwd and back, which is handed what the layer before has given."""

import numpy as np


class FullyConnected:
    def __init__(self, n_in, n_out):
        self.weights = np.random.randn(n_in, n_out)
        self.biases = np.random.randn(1, n_out)

    def fwd(self, X):
        return X @ self.weights + self.biases

    def back(self, lr, activation_prev, delta):
        out = delta @ self.weights.T
        self.weights = self.weights - lr * activation_prev.T @ delta
        self.biases = self.biases - lr * np.sum(delta, axis=0, keepdims=True)
        return out
