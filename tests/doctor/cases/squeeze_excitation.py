"""right: squeeze and excitation, channels first, in one class."""

import numpy as np


class SEBlock:
    def __init__(self, channels, hidden):
        self.W1 = np.random.randn(channels, hidden) * 0.5
        self.W2 = np.random.randn(hidden, channels) * 0.5

    def forward(self, x):
        self.x = x
        self.squeezed = x.mean(axis=(2, 3))
        self.h = np.maximum(0, self.squeezed @ self.W1)
        self.s = 1 / (1 + np.exp(-self.h @ self.W2))
        return x * self.s[:, :, None, None]

    def backward(self, dout):
        h, w = self.x.shape[2:]
        ds = (dout * self.x).sum(axis=(2, 3)) * self.s * (1 - self.s)
        self.dW2 = self.h.T @ ds
        dh = (ds @ self.W2.T) * (self.h > 0)
        self.dW1 = self.squeezed.T @ dh
        dsqueezed = dh @ self.W1.T
        return dout * self.s[:, :, None, None] + dsqueezed[:, :, None, None] / (h * w)
