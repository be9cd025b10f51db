"""partly: layers alone, of which the softmax hands on what a loss in another file must have made."""

import numpy as np


class Layer:
    def backward(self, error):
        return error


class Softmax(Layer):
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)


class Tanh(Layer):
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, error):
        return error * (1 - self.y**2)
