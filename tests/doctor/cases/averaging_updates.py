"""right: a layer that updates itself with means over the batch"""

import numpy as np


class Dense:
    def __init__(self, n_inputs, n_neurons):
        self.W = np.random.default_rng(2).normal(size=(n_neurons, n_inputs))
        self.b = np.zeros((n_neurons, 1))

    def forward(self, A_prev):
        self.A_prev = A_prev
        return self.W @ A_prev + self.b

    def backward(self, dZ, learning_rate):
        m = dZ.shape[1]
        dA_prev = self.W.T @ dZ
        self.W = self.W - learning_rate * dZ @ self.A_prev.T / m
        self.b = self.b - learning_rate * dZ.sum(axis=1, keepdims=True) / m
        return dA_prev
