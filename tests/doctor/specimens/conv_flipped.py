"""Convolution whose input gradient is a full correlation with the kernel turned round."""

import numpy as np


def correlate(image, kernel):
    """Valid cross-correlation of one channel."""
    kh, kw = kernel.shape
    height, width = image.shape[0] - kh + 1, image.shape[1] - kw + 1
    result = np.zeros((height, width))
    for i in range(height):
        for j in range(width):
            result[i, j] = np.sum(image[i : i + kh, j : j + kw] * kernel)
    return result


class Convolutional:
    def __init__(self, depth, channels, kernel_size, rng):
        self.kernels = rng.standard_normal((depth, channels, kernel_size, kernel_size))
        self.biases = rng.standard_normal(depth)

    def forward(self, input):
        self.input = input
        output = []
        for image in input:
            maps = []
            for kernel, bias in zip(self.kernels, self.biases, strict=True):
                total = bias
                for channel, k in zip(image, kernel, strict=True):
                    total = total + correlate(channel, k)
                maps.append(total)
            output.append(maps)
        return np.array(output)

    def backward(self, output_gradient):
        depth, channels, size, _ = self.kernels.shape
        self.kernels_gradient = np.zeros(self.kernels.shape)
        self.biases_gradient = np.zeros(depth)
        input_gradient = np.zeros(self.input.shape)
        border = size - 1
        for n in range(len(self.input)):
            for d in range(depth):
                grad = output_gradient[n, d]
                self.biases_gradient[d] += grad.sum()
                wide = np.pad(grad, border)
                for c in range(channels):
                    self.kernels_gradient[d, c] += correlate(self.input[n, c], grad)
                    turned = np.flip(self.kernels[d, c])
                    input_gradient[n, c] += correlate(wide, turned)
        return input_gradient


def example(rng):
    return {"layer": Convolutional(2, 3, 2, rng), "x": rng.standard_normal((2, 3, 4, 5))}
