"""wrong derivative-at-wrong-point: derivatives chosen by their names, one of them never used."""

import numpy as np


class Network:
    def __init__(self, inputs, hidden, outputs, activation="sigmoid"):
        self.activation = activation
        self.W1 = np.random.randn(inputs, hidden)
        self.b1 = np.zeros(hidden)
        self.W2 = np.random.randn(hidden, outputs)
        self.b2 = np.zeros(outputs)

    def sigmoid(self, z):
        return 1 / (1 + np.exp(-z))

    def derivative_sigmoid(self, z):
        s = self.sigmoid(z)
        return s * (1 - s)

    def tanh(self, z):
        return np.tanh(z)

    def derivative_tanh(self, z):
        return 1 - z**2

    def forward(self, x):
        self.x = x
        self.z = x @ self.W1 + self.b1
        self.h = getattr(self, self.activation)(self.z)
        return self.h @ self.W2 + self.b2

    def backward(self, dout):
        self.dW2 = self.h.T @ dout
        self.db2 = dout.sum(axis=0)
        dz = dout @ self.W2.T * getattr(self, "derivative_" + self.activation)(self.z)
        self.dW1 = self.x.T @ dz
        self.db1 = dz.sum(axis=0)
        return dz @ self.W1.T
