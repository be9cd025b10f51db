"""Fully connected with sigmoid, updates itself, batch in rows, keeps W as (out, in)."""

import numpy as np


def logistic(v):
    return 1 / (1 + np.exp(-v))


class SigmoidDense:
    def __init__(self, fan_in, fan_out, rng):
        self.W = rng.normal(0, 1 / np.sqrt(fan_in), size=(fan_out, fan_in))
        self.B = rng.normal(0, 0.2, size=(1, fan_out))

    def forward(self, x):
        self.x = x
        self.v = x @ self.W.T + self.B
        self.y = logistic(self.v)
        return self.y

    def backward(self, dy, lr):
        dv = dy * self.y * (1 - self.y)
        dx = dv @ self.W
        self.W = self.W - lr * (dv.T @ self.x)
        self.B = self.B - lr * dv.sum(axis=0, keepdims=True)
        return dx


def example(rng):
    return {"layer": SigmoidDense(5, 3, rng), "x": rng.normal(size=(6, 5)), "learning_rate": 0.2}
