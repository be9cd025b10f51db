"""Batch normalization step by step, following the computation graph."""

import numpy as np


class BatchNormalization:
    def __init__(self, dim, rng):
        self.params = {"gamma": rng.normal(1, 0.2, dim), "beta": rng.normal(0, 1, dim)}
        self.grads = {}
        self.eps = 1e-6

    def forward(self, X):
        self.mu = X.mean(axis=0)
        self.xmu = X - self.mu
        self.var = (self.xmu**2).mean(axis=0)
        self.ivar = 1.0 / np.sqrt(self.var + self.eps)
        self.xhat = self.xmu * self.ivar
        return self.params["gamma"] * self.xhat + self.params["beta"]

    def backward(self, dY):
        N = dY.shape[0]
        self.grads["gamma"] = np.sum(dY * self.xhat, axis=0)
        self.grads["beta"] = np.sum(dY, axis=0)
        dxhat = dY * self.params["gamma"]
        dvar = np.sum(dxhat * self.xmu, axis=0) * -0.5 * self.ivar**3
        dmu = -np.sum(dxhat * self.ivar, axis=0) + dvar * np.mean(-2.0 * self.xmu, axis=0)
        dX = dxhat * self.ivar
        dX = dX + dvar * 2.0 * self.xmu / N
        dX = dX + dmu / N
        return dX


def example(rng):
    return {"layer": BatchNormalization(4, rng), "x": rng.normal(-1.0, 1.5, size=(7, 4))}
