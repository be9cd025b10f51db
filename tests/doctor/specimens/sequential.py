"""A chain of layers that keep what they need: linear, sigmoid, linear, tanh."""

import numpy as np


class Linear:
    def __init__(self, n_in, n_out, rng):
        self.w = rng.normal(size=(n_in, n_out)) / np.sqrt(n_in)
        self.b = np.full(n_out, 0.1)

    def forward(self, x):
        self.x = x
        return np.dot(x, self.w) + self.b

    def backward(self, grad):
        self.dw = np.dot(self.x.T, grad)
        self.db = np.sum(grad, axis=0)
        return np.dot(grad, self.w.T)


class Sigmoid:
    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, grad):
        return grad * self.y * (1 - self.y)


class Tanh:
    def forward(self, x):
        self.out = np.tanh(x)
        return self.out

    def backward(self, grad):
        return grad * (1 - self.out**2)


class Sequential:
    def __init__(self, *layers):
        self.layers = list(layers)

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, grad):
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad


def example(rng):
    net = Sequential(Linear(4, 6, rng), Sigmoid(), Linear(6, 3, rng), Tanh())
    return {"layer": net, "x": rng.normal(size=(5, 4))}
