"""wrong: a one-dimensional convolution whose windows overwrite one another in dx."""

import numpy as np


class Conv1D:
    def __init__(self, in_channels, out_channels, kernel_size):
        self.kernel_size = kernel_size
        self.W = np.random.randn(out_channels, in_channels, kernel_size) * 0.1
        self.b = np.zeros(out_channels)

    def forward(self, x):
        self.x = x
        n, _, length = x.shape
        steps = length - self.kernel_size + 1
        out = np.zeros((n, len(self.b), steps))
        for t in range(steps):
            window = x[:, :, t : t + self.kernel_size]
            out[:, :, t] = np.tensordot(window, self.W, axes=([1, 2], [1, 2])) + self.b
        return out

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        self.db = dout.sum(axis=(0, 2))
        dx = np.zeros_like(self.x)
        for t in range(dout.shape[2]):
            window = self.x[:, :, t : t + self.kernel_size]
            self.dW += np.tensordot(dout[:, :, t], window, axes=([0], [0]))
            dx[:, :, t : t + self.kernel_size] = np.tensordot(dout[:, :, t], self.W, axes=1)
        return dx
