"""right: a layer that is told whether its own steps are those of Adam, which hide its gradients."""

import numpy as np


class Dense:
    def __init__(self, inputs, outputs, learning_rate, adam):
        self.weights = np.random.randn(inputs, outputs)
        self.biases = np.zeros((1, outputs))
        self.learning_rate = learning_rate
        self.adam = adam
        self.m, self.v, self.t = 0.0, 0.0, 0

    def forward(self, x):
        self.x = x
        return x @ self.weights + self.biases

    def backward(self, dy):
        self.weights_grad = self.x.T @ dy
        self.biases_grad = dy.sum(axis=0, keepdims=True)
        dx = dy @ self.weights.T
        if self.adam:
            self.t += 1
            self.m = 0.9 * self.m + 0.1 * self.weights_grad
            self.v = 0.999 * self.v + 0.001 * self.weights_grad**2
            m, v = self.m / (1 - 0.9**self.t), self.v / (1 - 0.999**self.t)
            self.weights_grad = m / (np.sqrt(v) + 1e-8)
        self.weights -= self.learning_rate * self.weights_grad
        self.biases -= self.learning_rate * self.biases_grad
        return dx
