"""partly: what a setting of the file chooses between is not all compared."""

import numpy as np

ACT = "sigmoid"


class Dense:
    def __init__(self, n_in, n_out):
        self.W = np.random.randn(n_in, n_out)
        self.b = np.zeros((1, n_out))

    def forward(self, x):
        self.x, self.z = x, x @ self.W + self.b
        self.a = 1 / (1 + np.exp(-self.z)) if ACT == "sigmoid" else np.tanh(self.z)
        return self.a

    def backward(self, grad):
        delta = grad * (self.a * (1 - self.a) if ACT == "sigmoid" else 1 - self.a)
        self.dW = self.x.T @ delta
        self.db = np.sum(delta, axis=0, keepdims=True)
        return delta @ self.W.T
