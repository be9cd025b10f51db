"""right: after the backward pass, methods of other names make the gradients and the update."""

import numpy as np


class Network:
    def __init__(self, inputs, hidden, outputs):
        rng = np.random.default_rng(0)
        self.WIH = rng.normal(size=(inputs, hidden))
        self.WHO = rng.normal(size=(hidden, outputs))

    def forward(self, X):
        self.X = X
        self.H = np.tanh(X @ self.WIH)
        self.O = np.tanh(self.H @ self.WHO)
        return self.O

    def backward(self, D):
        self.dO = -(D - self.O) * (1 - self.O**2)
        self.dH = self.dO @ self.WHO.T * (1 - self.H**2)

    def update_values(self):
        self.dWHO = self.H.T @ self.dO
        self.dWIH = self.X.T @ self.dH

    def update_all(self, lr):
        self.WHO = self.WHO - lr * self.dWHO
        self.WIH = self.WIH - lr * self.dWIH
