"""Max pooling with loops; remembers where each maximum was. Images are (N, C, H, W)."""

import numpy as np


class MaxPool2d:
    def __init__(self, kernel_size, stride):
        self.kernel_size = kernel_size
        self.stride = stride

    def forward(self, x):
        k, s = self.kernel_size, self.stride
        self.x = x
        n, c, h, w = x.shape
        out_h, out_w = (h - k) // s + 1, (w - k) // s + 1
        y = np.empty((n, c, out_h, out_w))
        for i in range(out_h):
            for j in range(out_w):
                y[:, :, i, j] = x[:, :, i * s : i * s + k, j * s : j * s + k].max(axis=(2, 3))
        return y

    def backward(self, dy):
        k, s = self.kernel_size, self.stride
        dx = np.zeros(self.x.shape)
        for n, c, i, j in np.ndindex(dy.shape):
            r, q = i * s, j * s
            window = self.x[n, c, r : r + k, q : q + k]
            a, b = np.unravel_index(window.argmax(), window.shape)
            dx[n, c, r + a, q + b] += dy[n, c, i, j]
        return dx


def example(rng):
    return {"layer": MaxPool2d(3, 2), "x": rng.normal(size=(2, 3, 7, 5))}
