"""right: PReLU on rows, with a slope for each of its channels."""

import numpy as np


class PReLU:
    def __init__(self, channels):
        self.slope = np.full(channels, 0.25)
        self.dslope = np.zeros(channels)

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.slope * x)

    def backward(self, dout):
        self.dslope = np.sum(dout * self.x * (self.x <= 0), axis=0)
        return dout * np.where(self.x > 0, 1, self.slope)
