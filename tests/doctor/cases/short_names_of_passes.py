"""right: passes called fwd_prop and back_prop, beside a prediction of classes."""

import numpy as np


class Classifier:
    def __init__(self, features, hidden, classes):
        self.W1, self.b1 = 0.1 * np.random.randn(features, hidden), np.zeros((1, hidden))
        self.W2, self.b2 = 0.1 * np.random.randn(hidden, classes), np.zeros((1, classes))

    def fwd_prop(self, X):
        A1 = np.maximum(0, X @ self.W1 + self.b1)
        scores = np.exp(A1 @ self.W2 + self.b2)
        A2 = scores / scores.sum(axis=1, keepdims=True)
        return A1, A2

    def back_prop(self, X, A1, A2, Y):
        dZ2 = A2.copy()
        dZ2[range(len(X)), Y] -= 1
        dZ2 /= len(X)
        dZ1 = dZ2 @ self.W2.T
        dZ1[A1 <= 0] = 0
        return X.T @ dZ1, dZ1.sum(axis=0, keepdims=True), A1.T @ dZ2, dZ2.sum(axis=0, keepdims=True)

    def predict(self, X):
        return np.argmax(self.fwd_prop(X)[1], axis=1)
