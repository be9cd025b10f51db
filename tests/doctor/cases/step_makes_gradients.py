"""right: backward keeps deltas, step() makes the gradients and updates"""

import numpy as np


class Hidden:
    def __init__(self, fan_in, fan_out, lr=0.05):
        self.w = np.random.default_rng(7).normal(size=(fan_in, fan_out))
        self.b = np.zeros(fan_out)
        self.lr = lr

    def forward(self, inputs):
        self.inputs = inputs
        self.activ = 1 / (1 + np.exp(-(inputs @ self.w + self.b)))
        return self.activ

    def backward(self, err):
        self.local = err * self.activ * (1 - self.activ)
        return self.local @ self.w.T

    def step(self):
        self.w -= self.lr * self.inputs.T @ self.local
        self.b -= self.lr * self.local.sum(axis=0)
