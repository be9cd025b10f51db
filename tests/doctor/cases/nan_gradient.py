"""wrong not-finite: 0 / 0 in a gradient"""

import numpy as np


class Norm:
    def forward(self, x):
        self.x = x
        return np.sqrt(x**2 + 1.0)

    def backward(self, dy):
        zero = self.x - self.x
        return dy * zero / zero
