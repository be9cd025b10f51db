"""right: a class whose fit keeps what its passes need, and that nothing makes."""

import numpy as np


class Network:
    def __init__(self, inputs, rate=0.01):
        self.W1 = np.random.normal(0, 1, (5, inputs))
        self.b1 = np.zeros((5, 1))
        self.W2 = np.random.normal(0, 1, (1, 5))
        self.b2 = np.zeros((1, 1))
        self.rate = rate

    def forward_pass(self, X):
        self.Z1 = np.dot(self.W1, X) + self.b1
        self.A1 = np.where(self.Z1 < 0, 0, self.Z1)
        self.A2 = 1 / (1 + np.exp(-(np.dot(self.W2, self.A1) + self.b2)))
        return self.A2

    def cost(self, Y, A2):
        return -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

    def backprop(self):
        m = self.X.shape[1]
        dz2 = self.A2 - self.Y
        self.dW2 = 1 / m * dz2.dot(self.A1.T)
        self.db2 = 1 / m * np.sum(dz2, axis=1, keepdims=True)
        dz1 = self.W2.T.dot(dz2) * np.where(self.Z1 < 0, 0, 1)
        self.dW1 = 1 / m * dz1.dot(self.X.T)
        self.db1 = 1 / m * np.sum(dz1, axis=1, keepdims=True)

    def update(self):
        self.W2 -= self.rate * self.dW2
        self.b2 -= self.rate * self.db2
        self.W1 -= self.rate * self.dW1
        self.b1 -= self.rate * self.db1

    def train(self, X, Y, iterations=1000):
        self.X = X
        self.Y = Y
        for _ in range(iterations):
            self.forward_pass(X)
            self.backprop()
            self.update()
