"""right: a layer that keeps NumPy itself, and not-a-number by an old name."""

import numpy


class Linear:
    def __init__(self, in_dim, out_dim):
        self.device = numpy
        self.W = numpy.random.default_rng(5).normal(size=(out_dim, in_dim))
        self.b = self.device.zeros(out_dim)
        self.last = numpy.NaN

    def forward(self, X):
        self.X = X
        return self.device.dot(self.W, X.T).T + self.b

    def backward(self, error):
        self.grad_W = self.device.dot(error.T, self.X)
        self.grad_b = error.sum(0)
        return self.device.dot(self.W.T, error.T).T
