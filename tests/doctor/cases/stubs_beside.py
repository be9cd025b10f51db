"""partly: a right layer beside two that are still to be written"""

import numpy as np


class Scale:
    def __init__(self):
        self.gamma = np.array([1.0, 2.0, 3.0])

    def forward(self, x):
        self.x = x
        return self.gamma * x

    def backward(self, dy):
        self.dgamma = (self.x * dy).sum(axis=0)
        return self.gamma * dy


class Dropout:
    def forward(self, x):
        return x

    def backward(self, dy):
        """TODO"""
        raise NotImplementedError


class Softmax:
    def forward(self, x):
        return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)

    def backward(self, dy):
        # your code here
        return None
