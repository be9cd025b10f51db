"""wrong sign: letters beyond ASCII"""

import numpy as np


class Linear:
    def __init__(self, n_in=4, n_out=3):
        self.θ = np.random.default_rng(8).normal(size=(n_in, n_out))
        self.β = np.zeros(n_out)

    def forward(self, x):
        self.x = x
        return x @ self.θ + self.β

    def backward(self, δ):
        self.dθ = -self.x.T @ δ
        self.dβ = δ.sum(axis=0)
        return δ @ self.θ.T
