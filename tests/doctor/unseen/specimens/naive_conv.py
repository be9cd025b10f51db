"""Depth of four loops: a convolution in the plainest way, (N, H, W, C), stride but no padding."""

import numpy as np


class NaiveConv:
    def __init__(self, shape, stride, rng):
        kh, kw, c_in, c_out = shape
        self.stride = stride
        self.W = rng.normal(size=shape) / np.sqrt(kh * kw * c_in)
        self.b = rng.normal(size=c_out)

    def forward(self, x):
        self.x = x
        kh, kw, _, c_out = self.W.shape
        n, h, w, _ = x.shape
        st = self.stride
        self.oh, self.ow = (h - kh) // st + 1, (w - kw) // st + 1
        y = np.zeros((n, self.oh, self.ow, c_out))
        for i in range(self.oh):
            for j in range(self.ow):
                block = x[:, i * st : i * st + kh, j * st : j * st + kw, :]
                y[:, i, j, :] = np.einsum("nabc,abcd->nd", block, self.W)
        return y + self.b

    def backward(self, dy):
        kh, kw, _, _ = self.W.shape
        st = self.stride
        self.dW = np.zeros_like(self.W)
        self.db = dy.sum(axis=(0, 1, 2))
        dx = np.zeros_like(self.x)
        for i in range(self.oh):
            for j in range(self.ow):
                up, down, left, right = i * st, i * st + kh, j * st, j * st + kw
                g = dy[:, i, j, :]
                self.dW += np.einsum("nabc,nd->abcd", self.x[:, up:down, left:right], g)
                dx[:, up:down, left:right] += np.einsum("nd,abcd->nabc", g, self.W)
        return dx


def example(rng):
    return {"layer": NaiveConv((3, 2, 2, 4), 2, rng), "x": rng.normal(size=(3, 7, 6, 2))}
