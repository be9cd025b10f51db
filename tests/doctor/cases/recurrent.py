"""right: a recurrent layer over examples, steps and features, whose gradients sum over the steps."""

import numpy as np


class RNN:
    def __init__(self, input_size, hidden_size):
        self.Wx = 0.5 * np.random.randn(input_size, hidden_size)
        self.Wh = 0.5 * np.random.randn(hidden_size, hidden_size)
        self.b = np.zeros(hidden_size)

    def forward(self, x):
        N, T, _ = x.shape
        self.x, self.h = x, np.zeros((N, T + 1, len(self.b)))
        for t in range(T):
            z = x[:, t] @ self.Wx + self.h[:, t - 1] @ self.Wh + self.b
            self.h[:, t] = np.tanh(z)
        return self.h[:, :T].copy()

    def backward(self, dh):
        self.dWx, self.dWh = np.zeros_like(self.Wx), np.zeros_like(self.Wh)
        self.db = np.zeros_like(self.b)
        dx, dh_next = np.zeros_like(self.x), 0.0
        for t in reversed(range(dh.shape[1])):
            dz = (dh[:, t] + dh_next) * (1 - self.h[:, t] ** 2)
            self.dWx += self.x[:, t].T @ dz
            self.dWh += self.h[:, t - 1].T @ dz
            self.db += dz.sum(axis=0)
            dx[:, t], dh_next = dz @ self.Wx.T, dz @ self.Wh.T
        return dx
