"""right: backward(X, y, y_hat) returns the gradients"""

import numpy as np


class LogisticRegression:
    def __init__(self, n_features=4):
        self.weights = np.random.default_rng(13).normal(size=n_features)
        self.bias = 0.1

    def forward(self, X):
        return 1 / (1 + np.exp(-(X @ self.weights + self.bias)))

    def backward(self, X, y, y_hat):
        error = y_hat - y
        dw = X.T @ error / len(X)
        db = error.mean()
        return dw, db
