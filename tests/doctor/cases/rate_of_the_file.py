"""right: layers update themselves, one by a learning rate of the file, one by a bare number."""

import numpy as np

STEP_SIZE = 0.01


class Dense:
    def __init__(self, inputs, outputs):
        self.w = np.random.default_rng(7).normal(size=(inputs, outputs))
        self.b = np.zeros((1, outputs))

    def forward(self, x):
        self.x = x
        return x @ self.w + self.b

    def backward(self, dy):
        dx = dy @ self.w.T
        self.w -= STEP_SIZE * self.x.T @ dy
        self.b -= STEP_SIZE * dy.sum(axis=0, keepdims=True)
        return dx


class Output(Dense):
    def backward(self, dy):
        dx = dy @ self.w.T
        self.w -= 0.003 * self.x.T @ dy
        self.b -= 0.003 * dy.sum(axis=0, keepdims=True)
        return dx
