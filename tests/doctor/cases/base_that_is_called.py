"""right: a base class that only says what is missing, and can be called."""

import numpy as np


class Module:
    def forward(self, *inputs):
        raise NotImplementedError

    def backward(self, *gradients):
        raise NotImplementedError

    def __call__(self, *inputs):
        return self.forward(*inputs)


class Linear(Module):
    def __init__(self, inputs, outputs):
        self.W = np.random.randn(inputs, outputs)

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, gradient):
        self.dW = self.x.T @ gradient
        return gradient @ self.W.T
