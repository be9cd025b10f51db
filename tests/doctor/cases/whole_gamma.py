"""right: a normalization whose scale and shift begin as whole numbers, and are updated."""

import numpy as np


class BatchNormal:
    def __init__(self):
        self.gamma, self.beta, self.epsilon = 1, 0, 1e-5

    def forward(self, x, training=True):
        self.xmu = x - x.mean(axis=0)
        self.ivar = 1 / np.sqrt(x.var(axis=0) + self.epsilon)
        self.xhat = self.xmu * self.ivar
        return self.gamma * self.xhat + self.beta

    def backward(self, dy, lr=0.09):
        dxhat = dy * self.gamma
        dx = self.ivar * (dxhat - dxhat.mean(axis=0) - self.xhat * (dxhat * self.xhat).mean(axis=0))
        self.beta -= lr * dy.sum(axis=0)
        self.gamma -= lr * (dy * self.xhat).sum(axis=0)
        return dx
