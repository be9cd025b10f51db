"""wrong transposed|unknown|wrong-axis: as call_keeps_input, with the bias summed over outputs."""

import numpy as np


class Dense:
    def __init__(self, inputs, outputs):
        self.W = np.random.default_rng(2).normal(size=(inputs, outputs))
        self.b = np.zeros(outputs)

    def __call__(self, x):
        self.x = x
        return self.forward(x)

    def forward(self, x):
        return x @ self.W + self.b

    def backward(self, grads):
        self.dW, self.db = self.x.T @ grads, grads.sum(axis=1)
        return grads @ self.W.T


class Softmax:
    def __call__(self, x):
        self.p = self.forward(x)
        return self.p

    def forward(self, x):
        powers = np.exp(x)
        return powers / powers.sum(axis=1, keepdims=True)

    def backward(self, delta, target):
        return delta * (self.p - target)
