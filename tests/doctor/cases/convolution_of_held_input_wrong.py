"""wrong partial-sum|overwrites: where windows overlap, the gradient of the input is overwritten."""

import numpy as np


class Convolution:
    def __init__(self, x, w, b, stride=1):
        self.x, self.w, self.b, self.stride = x, w, b, stride

    def _places(self):
        height, width = self.w.shape[2:]
        for row in range((self.x.shape[1] - height) // self.stride + 1):
            for column in range((self.x.shape[2] - width) // self.stride + 1):
                top, left = row * self.stride, column * self.stride
                yield row, column, slice(top, top + height), slice(left, left + width)

    def conv_forward(self):
        rows = (self.x.shape[1] - self.w.shape[2]) // self.stride + 1
        columns = (self.x.shape[2] - self.w.shape[3]) // self.stride + 1
        out = np.zeros((len(self.w), rows, columns))
        for k, kernel in enumerate(self.w):
            for row, column, down, across in self._places():
                out[k, row, column] = (self.x[:, down, across] * kernel).sum() + self.b[k]
        return out

    def conv_backward(self, dout):
        dx, dw = np.zeros_like(self.x), np.zeros_like(self.w)
        db = dout.sum(axis=(1, 2))
        for k, kernel in enumerate(self.w):
            for row, column, down, across in self._places():
                dw[k] += self.x[:, down, across] * dout[k, row, column]
                dx[:, down, across] = kernel * dout[k, row, column]
        return dx, dw, db
