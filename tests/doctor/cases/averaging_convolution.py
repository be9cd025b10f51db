"""right: the gradients of kernel and bias are means over the batch, dx is not divided"""

import numpy as np


class Conv1D:
    def __init__(self, width=3):
        self.kernel = np.random.default_rng(1).normal(size=width)
        self.bias = np.zeros(1)

    def forward(self, x):
        self.x = x
        w = len(self.kernel)
        return (
            np.stack([x[:, i : i + w] @ self.kernel for i in range(x.shape[1] - w + 1)], axis=1)
            + self.bias
        )

    def backward(self, dy):
        w, n = len(self.kernel), len(dy)
        dx = np.zeros(self.x.shape)
        dk = np.zeros(w)
        for i in range(dy.shape[1]):
            dx[:, i : i + w] += dy[:, i : i + 1] * self.kernel
            dk += dy[:, i] @ self.x[:, i : i + w]
        self.dkernel, self.dbias = dk / n, np.array([dy.sum() / n])
        return dx
