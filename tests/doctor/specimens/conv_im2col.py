"""Convolution as one matrix product (im2col). Images are (N, H, W, C)."""

import numpy as np


def im2col(images, size, stride):
    n, height, width, channels = images.shape
    rows, cols = (height - size) // stride + 1, (width - size) // stride + 1
    columns = np.empty((n, rows, cols, size, size, channels))
    for a in range(size):
        for b in range(size):
            columns[:, :, :, a, b] = images[
                :, a : a + stride * rows : stride, b : b + stride * cols : stride
            ]
    return columns.reshape(n * rows * cols, -1), rows, cols


def col2im(columns, shape, size, step):
    n, height, width, channels = shape
    rows, cols = (height - size) // step + 1, (width - size) // step + 1
    columns = columns.reshape(n, rows, cols, size, size, channels)
    images = np.zeros(shape)
    for a in range(size):
        for b in range(size):
            images[:, a : a + step * rows : step, b : b + step * cols : step] += columns[
                :, :, :, a, b
            ]
    return images


class ConvLayer:
    def __init__(self, channels, filters, size, stride, pad, rng):
        self.size, self.stride, self.pad = size, stride, pad
        scale = np.sqrt(2 / (size * size * channels))
        self.kernels = rng.normal(0, scale, (size * size * channels, filters))
        self.biases = rng.normal(0, 0.1, (1, filters))

    def forward(self, images):
        self.in_shape = images.shape
        pad = self.pad
        images = np.pad(images, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
        self.padded_shape = images.shape
        self.cols, rows, cols = im2col(images, self.size, self.stride)
        result = self.cols @ self.kernels + self.biases
        return result.reshape(len(images), rows, cols, -1)

    def backward(self, d_out):
        d_flat = d_out.reshape(-1, d_out.shape[-1])
        self.d_kernels = self.cols.T @ d_flat
        self.d_biases = d_flat.sum(axis=0, keepdims=True)
        d_cols = d_flat @ self.kernels.T
        d_images = col2im(d_cols, self.padded_shape, self.size, self.stride)
        _, height, width, _ = self.in_shape
        return d_images[:, self.pad : self.pad + height, self.pad : self.pad + width]


def example(rng):
    return {"layer": ConvLayer(3, 2, 3, 2, 1, rng), "x": rng.normal(size=(2, 5, 7, 3))}
