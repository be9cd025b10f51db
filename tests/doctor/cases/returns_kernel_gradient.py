"""partly dx: a first layer over images that returns the gradient of its kernels."""

import numpy as np


class Convolution:
    def __init__(self, num_filters, filter_size):
        self.filter_size = filter_size
        self.kernels = np.random.randn(num_filters, filter_size, filter_size)

    def _patches(self, image):
        for i in range(image.shape[0] - self.filter_size + 1):
            for j in range(image.shape[1] - self.filter_size + 1):
                yield i, j, image[i : i + self.filter_size, j : j + self.filter_size]

    def forward(self, image):
        self.image = image
        height, width = (n - self.filter_size + 1 for n in image.shape)
        out = np.zeros((height, width, len(self.kernels)))
        for i, j, patch in self._patches(image):
            out[i, j] = np.sum(patch * self.kernels, axis=(1, 2))
        return out

    def backward(self, dl_dout, learning_rate):
        dkernels = np.zeros(self.kernels.shape)
        for i, j, patch in self._patches(self.image):
            for k in range(len(self.kernels)):
                dkernels[k] += patch * dl_dout[i, j, k]
        self.kernels -= learning_rate * dkernels
        return dkernels
