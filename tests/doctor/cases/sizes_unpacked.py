"""right: sizes that the constructor unpacks, with channels first."""

import numpy as np


class AvgPoolingLayer:
    def __init__(self, in_channels, filter_size, stride):
        self.in_depth, self.in_row, self.in_col = in_channels
        self.filter_row, self.filter_col = filter_size
        self.stride = stride
        self.out_row = (self.in_row - self.filter_row) // stride + 1
        self.out_col = (self.in_col - self.filter_col) // stride + 1

    def _windows(self):
        for i in range(self.out_row):
            for j in range(self.out_col):
                r, c = i * self.stride, j * self.stride
                yield i, j, slice(r, r + self.filter_row), slice(c, c + self.filter_col)

    def forwardpass(self, X):
        out = np.zeros((len(X), self.in_depth, self.out_row, self.out_col))
        for i, j, rows, columns in self._windows():
            out[:, :, i, j] = X[:, :, rows, columns].mean(axis=(2, 3))
        return out

    def backwardpass(self, lr, activation_prev, delta):
        out = np.zeros((len(delta), self.in_depth, self.in_row, self.in_col))
        for i, j, rows, columns in self._windows():
            share = delta[:, :, i, j] / (self.filter_row * self.filter_col)
            out[:, :, rows, columns] += share[:, :, None, None]
        return out
