"""partly: a binary cross-entropy whose derivative is p - y: whether the sigmoid is in it is open."""

import numpy as np


class Sigmoid:
    def forward(self, x):
        self.y = 1 / (1 + np.exp(-x))
        return self.y

    def backward(self, dy):
        return dy * self.y * (1 - self.y)


class CrossEntropy:
    def forward(self, label, out):
        return np.mean(-label * np.log(out + 1e-8) - (1 - label) * np.log(1 - out + 1e-8))

    def backward(self, label, out):
        return out - label
