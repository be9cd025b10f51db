"""right: a residual block whose branch is left out at random, example by example."""

import numpy as np


class StochasticDepthBlock:
    def __init__(self, features, survival=0.8):
        self.W = np.random.randn(features, features) * 0.3
        self.survival = survival

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.W)
        self.gate = (np.random.rand(x.shape[0], 1) < self.survival) / self.survival
        return x + self.gate * self.h

    def backward(self, dout):
        dh = dout * self.gate * (1 - self.h**2)
        self.dW = self.x.T @ dh
        return dout + dh @ self.W.T
