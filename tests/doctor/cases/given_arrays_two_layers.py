"""right: a network that is handed all its arrays"""

import numpy as np


class TwoLayers:
    def __init__(self, W1, b1, W2, b2):
        self.W1, self.b1, self.W2, self.b2 = W1, b1, W2, b2

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.W1 + self.b1)
        return self.h @ self.W2 + self.b2

    def backward(self, dy):
        self.dW2, self.db2 = self.h.T @ dy, dy.sum(axis=0)
        dh = dy @ self.W2.T * (1 - self.h**2)
        self.dW1, self.db1 = self.x.T @ dh, dh.sum(axis=0)
        return dh @ self.W1.T
