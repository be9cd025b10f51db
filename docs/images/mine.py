"""A student's file, with two mistakes in it: the doctor's answer to it is doctor.svg."""

import numpy as np

rng = np.random.default_rng(0)


class Dense:
    def __init__(self, inputs, outputs):
        self.W = rng.normal(size=(inputs, outputs))
        self.b = np.zeros(outputs)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dy):
        self.dW = self.x.T @ dy
        self.db = dy.mean(axis=0)
        return dy @ self.W.T


class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y)
