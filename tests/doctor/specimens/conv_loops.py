"""Convolution with loops over the output pixels. Images are (N, C, H, W)."""

import numpy as np


class Conv2d:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, *, rng):
        self.k, self.stride, self.padding = kernel_size, stride, padding
        self.weight = rng.normal(size=(out_channels, in_channels, kernel_size, kernel_size)) * 0.3
        self.bias = rng.normal(size=out_channels)

    def forward(self, x):
        p, s, k = self.padding, self.stride, self.k
        self.padded = np.pad(x, ((0, 0), (0, 0), (p, p), (p, p)))
        n, _, height, width = self.padded.shape
        rows = (height - k) // s + 1
        cols = (width - k) // s + 1
        out = np.zeros((n, self.weight.shape[0], rows, cols))
        for i in range(rows):
            for j in range(cols):
                window = self.padded[:, :, i * s : i * s + k, j * s : j * s + k]
                out[:, :, i, j] = np.tensordot(window, self.weight, axes=([1, 2, 3], [1, 2, 3]))
        return out + self.bias[None, :, None, None]

    def backward(self, output_grad):
        p, s, k = self.padding, self.stride, self.k
        _, _, rows, cols = output_grad.shape
        _, _, height, width = self.padded.shape
        self.bias_grad = output_grad.sum(axis=(0, 2, 3))
        self.weight_grad = np.zeros_like(self.weight)
        dpadded = np.zeros_like(self.padded)
        for i in range(rows):
            for j in range(cols):
                top, left = i * s, j * s
                pixel = output_grad[:, :, i, j]
                patch = self.padded[:, :, top : top + k, left : left + k]
                self.weight_grad += np.tensordot(pixel, patch, axes=(0, 0))
                dpatch = np.tensordot(pixel, self.weight, axes=(1, 0))
                dpadded[:, :, top : top + k, left : left + k] += dpatch
        return dpadded[:, :, p : height - p, p : width - p]


def example(rng):
    layer = Conv2d(2, 3, 3, stride=2, padding=1, rng=rng)
    return {"layer": layer, "x": rng.normal(size=(2, 2, 7, 5))}
