"""right: spatial dropout, a mask for each channel of each image."""

import numpy as np


class SpatialDropout:
    def __init__(self, drop_prob=0.3):
        self.drop_prob = drop_prob

    def forward(self, x, training=True):
        if not training:
            return x
        n, c, h, w = x.shape
        keep = 1 - self.drop_prob
        self.mask = np.random.binomial(1, keep, size=(n, c, 1, 1)) / keep
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask
