"""wrong overwrites: a method of its base class sets all of its gradients to zero."""

import numpy as np


class Layer:
    def zero_grad(self):
        for name in self.grads:
            self.grads[name] = np.zeros_like(self.grads[name])


class Scale(Layer):
    def __init__(self, features):
        self.s = np.ones(features)
        self.grads = {"s": np.zeros(features)}

    def forward(self, x):
        self.x = x
        return x * self.s

    def backward(self, dy):
        self.grads["s"] = (dy * self.x).sum(axis=0)
        return dy * self.s
