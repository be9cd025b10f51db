"""right: backward(x) is the slope at x, not a product with dy"""

import numpy as np


class Elu:
    def forward(self, x):
        return np.where(x > 0, x, np.exp(x) - 1)

    def backward(self, x):
        return np.where(x > 0, 1.0, np.exp(x))
