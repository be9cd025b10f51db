"""right: gradients with the term of a regularizer, in a class that computes no loss."""

import numpy as np


class Classifier:
    def __init__(self, n_in, n_hidden, n_out, reg=0.05):
        self.W1, self.b1 = np.random.randn(n_in, n_hidden), np.zeros(n_hidden)
        self.W2, self.b2 = np.random.randn(n_hidden, n_out), np.zeros(n_out)
        self.reg = reg

    def forward(self, X):
        self.X = X
        self.a1 = np.tanh(X @ self.W1 + self.b1)
        e = np.exp(self.a1 @ self.W2 + self.b2)
        self.probs = e / e.sum(axis=1, keepdims=True)
        return self.probs

    def backward(self, y):
        d2 = (self.probs - y) / len(y)
        self.dW2, self.db2 = self.a1.T @ d2 + self.reg * self.W2, d2.sum(axis=0)
        d1 = d2 @ self.W2.T * (1 - self.a1**2)
        self.dW1, self.db1 = self.X.T @ d1 + self.reg * self.W1, d1.sum(axis=0)
