"""right: an activation that hands back its slope, which the network multiplies by the gradient."""

import numpy as np


class Sigmoid:
    def forward(self, z):
        return 1 / (1 + np.exp(-z))

    def backward(self, z, dA):
        s = self.forward(z)
        return s * (1 - s)


def through(activation, z, dA):
    return dA * activation.backward(z, dA)
