"""right: its base class has a method that sets gradients to zero, which does nothing for it."""

import numpy as np


class Layer:
    def zero_grad(self):
        pass


class BatchNorm1d(Layer):
    def __init__(self, features, eps=1e-5):
        self.gamma, self.beta, self.eps = np.ones(features), np.zeros(features), eps

    def forward(self, x):
        self.std = np.sqrt(x.var(axis=0) + self.eps)
        self.normed = (x - x.mean(axis=0)) / self.std
        return self.gamma * self.normed + self.beta

    def backward(self, dout):
        self.dgamma = (dout * self.normed).sum(axis=0)
        self.dbeta = dout.sum(axis=0)
        d = dout * self.gamma
        return (d - d.mean(axis=0) - self.normed * (d * self.normed).mean(axis=0)) / self.std
