"""wrong norm-path: layer normalization without the paths through mean and variance"""

import numpy as np


class LayerNorm:
    def __init__(self, n_features):
        self.gamma, self.beta = np.ones(n_features), np.zeros(n_features)

    def forward(self, x):
        self.mu = x.mean(axis=1, keepdims=True)
        self.s = np.sqrt(x.var(axis=1, keepdims=True) + 1e-6)
        self.h = (x - self.mu) / self.s
        return self.h * self.gamma + self.beta

    def backward(self, dout):
        self.dgamma = (dout * self.h).sum(axis=0)
        self.dbeta = dout.sum(axis=0)
        g = dout * self.gamma
        return (g - self.h * (g * self.h).mean(axis=1, keepdims=True)) / self.s
