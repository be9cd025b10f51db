"""right: what is set to zero are other arrays than the gradients, which are assigned."""

import numpy as np


class Scale:
    def __init__(self, features):
        self.s, self.velocity = np.ones(features), np.zeros(features)

    def zero_grad(self):
        self.velocity[:] = 0

    def forward(self, x):
        self.x = x
        return x * self.s

    def backward(self, dy):
        self.ds = (dy * self.x).sum(axis=0)
        return dy * self.s
