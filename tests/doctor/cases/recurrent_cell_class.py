"""right: a recurrent cell as a class, which is handed the state before it."""

import numpy as np


class RecurrentCell:
    def __init__(self, input_size, hidden_size):
        rng = np.random.default_rng(1)
        self.Wxh = rng.normal(size=(input_size, hidden_size))
        self.Whh = rng.normal(size=(hidden_size, hidden_size))
        self.bh = np.zeros(hidden_size)

    def forward(self, x, h_prev):
        self.x, self.h_prev = x, h_prev
        self.h = np.tanh(x @ self.Wxh + h_prev @ self.Whh + self.bh)
        return self.h

    def backward(self, dh):
        da = dh * (1 - self.h**2)
        self.dWxh = self.x.T @ da
        self.dWhh = self.h_prev.T @ da
        self.dbh = da.sum(axis=0)
        dx = da @ self.Wxh.T
        dh_prev = da @ self.Whh.T
        return dx, dh_prev
