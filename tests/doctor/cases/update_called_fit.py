"""partly: a layer that keeps what it is handed, and makes its gradients in fit, with weight decay."""

import numpy as np


class Linear:
    def __init__(self, in_dim, out_dim):
        self.W = np.random.default_rng(5).normal(size=(out_dim, in_dim))

    def forward(self, X):
        self.X = X
        return X @ self.W.T

    def backward(self, error):
        self.handed = error
        return error @ self.W

    def fit(self, lr, weight_decay):
        self.W -= lr * (self.handed.T @ self.X + weight_decay * self.W)
