"""wrong missing-activation-derivative: a network whose loss calls the predictions its input, and whose backward pass is told all."""

import numpy as np


class Neural:
    def __init__(self, input_size=6, hidden=7, output_size=3):
        self.w1 = np.random.randn(input_size, hidden) * 0.5
        self.w2 = np.random.randn(hidden, output_size) * 0.5

    def forward(self, inputs):
        self.a0 = inputs
        self.a1 = np.tanh(inputs @ self.w1)
        scores = np.exp(self.a1 @ self.w2)
        self.a2 = scores / scores.sum(axis=1, keepdims=True)
        return self.a2

    def loss(self, input, target):
        return -np.mean(np.sum(target * np.log(input + 1e-12), axis=-1))

    def backpass(self, inputs, target, batch_size):
        d = (self.a2 - target) / batch_size
        dw2 = self.a1.T @ d
        d = d @ self.w2.T
        return self.a0.T @ d, dw2
