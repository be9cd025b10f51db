"""not checked trains at top level: a loop without an end where the file is imported"""

import numpy as np


class Neuron:
    def __init__(self):
        self.w = np.random.randn(3, 1)

    def forward(self, x):
        self.x = x
        return x @ self.w

    def backward(self, dy):
        self.dw = self.x.T @ dy
        return dy @ self.w.T


neuron = Neuron()
while True:
    y = neuron.forward(np.ones((4, 3)))
    neuron.backward(y - 1)
    neuron.w -= 1e-9 * neuron.dw
