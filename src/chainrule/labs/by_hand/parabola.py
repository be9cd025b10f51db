"""Layers with a kernel and a stride, and the sigmoid inside; backward also makes the step."""

import numpy as np

MARGIN = 1e-7


class Layer:
    def __init__(self, input_dim=(1, 1, 2), kernel=(1, 1, 2, 1), stride=(1, 1), output_dim=(1, 1, 1)):
        self.input_dim, self.output_dim = input_dim, output_dim
        self.kernel, self.stride = kernel, stride
        self.w = np.random.randn(*kernel)
        self.b = np.random.randn(kernel[3])

    def window(self, r, c):
        top, left = r * self.stride[0], c * self.stride[1]
        return slice(top, top + self.kernel[0]), slice(left, left + self.kernel[1])

    def forward(self, X):
        rows, columns, channels = self.output_dim
        self.z = np.zeros((len(X), rows, columns, channels))
        for r in range(rows):
            for c in range(columns):
                rs, cs = self.window(r, c)
                for o in range(channels):
                    patch = X[:, rs, cs, :] * self.w[:, :, :, o]
                    self.z[:, r, c, o] = np.sum(patch, axis=(1, 2, 3)) + self.b[o]
        self.a = np.clip(1 / (1 + np.exp(-self.z)), MARGIN, 1 - MARGIN)
        return self.a

    def backward(self, X, da, learning_rate):
        dz = self.a * (1 - self.a) * da
        dX = np.zeros(X.shape)
        rows, columns, channels = self.output_dim
        for o in range(channels):
            dw = np.zeros((len(X), *self.kernel[:3]))
            for r in range(rows):
                for c in range(columns):
                    rs, cs = self.window(r, c)
                    dz_here = dz[:, r, c, o].reshape(-1, 1, 1, 1)
                    dw += X[:, rs, cs, :] * dz_here
                    dX[:, rs, cs, :] += dz_here * self.w[:, :, :, o]
            self.w[:, :, :, o] -= learning_rate * np.mean(dw, axis=0)
            self.b[o] -= learning_rate * np.mean(np.sum(dz[:, :, :, o], axis=(1, 2)))
        return dX


class Network:
    def __init__(self, layers):
        self.layers = layers

    def forward(self, X):
        self.inputs = []
        for layer in self.layers:
            self.inputs.append(X)
            X = layer.forward(X)
        return X

    def backward(self, da, learning_rate):
        for layer, X in zip(reversed(self.layers), reversed(self.inputs)):
            da = layer.backward(X, da, learning_rate)
