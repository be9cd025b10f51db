"""wrong sign: the same with targets minus predictions."""

import numpy as np


class MeanSquares:
    def forward(self, label, out):
        return np.mean((out - label) ** 2)

    def backward(self, label, out):
        return label - out
