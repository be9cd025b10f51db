"""wrong constant-scale: the bias is multiplied by the number of filters in backward"""

import numpy as np


class ConvLayer:
    def __init__(self, num_filters, in_channels, kernel_size):
        self.num_filters, self.k = num_filters, kernel_size
        self.filters = np.random.default_rng(6).normal(
            size=(num_filters, in_channels, kernel_size, kernel_size)
        )
        self.biases = np.zeros(num_filters)

    def forward(self, image):
        self.image = image
        c, h, w = image.shape
        out = np.zeros((self.num_filters, h - self.k + 1, w - self.k + 1))
        for f in range(self.num_filters):
            for i in range(out.shape[1]):
                for j in range(out.shape[2]):
                    out[f, i, j] = (
                        np.sum(image[:, i : i + self.k, j : j + self.k] * self.filters[f])
                        + self.biases[f]
                    )
        return out

    def backward(self, d_out):
        self.d_filters = np.zeros(self.filters.shape)
        d_image = np.zeros(self.image.shape)
        for f in range(self.num_filters):
            for i in range(d_out.shape[1]):
                for j in range(d_out.shape[2]):
                    self.d_filters[f] += (
                        d_out[f, i, j] * self.image[:, i : i + self.k, j : j + self.k]
                    )
                    d_image[:, i : i + self.k, j : j + self.k] += d_out[f, i, j] * self.filters[f]
        self.d_biases = self.num_filters * d_out.sum(axis=(1, 2))
        return d_image
