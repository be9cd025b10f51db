"""wrong wrong-activation-derivative: Mish, with the derivative of SiLU, which looks much like it."""

import numpy as np


class Mish:
    def forward(self, x):
        self.x = x
        return x * np.tanh(np.log1p(np.exp(x)))

    def backward(self, dout):
        s = 1 / (1 + np.exp(-self.x))
        return dout * (s + self.x * s * (1 - s))
