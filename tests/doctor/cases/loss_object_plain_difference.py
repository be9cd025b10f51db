"""right: a mean squared error as an object, whose derivative is p - y without a factor."""

import numpy as np


class MeanSquares:
    def forward(self, label, out):
        return np.mean((out - label) ** 2)

    def backward(self, label, out):
        return out - label
