"""Adam, as in the paper."""

import numpy as np


class Adam:
    def __init__(self, lr=0.001, beta1=0.9, beta2=0.999, eps=1e-8):
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.t = 0
        self.m, self.v = {}, {}

    def step(self, params, grads):
        self.t += 1
        for key, g in grads.items():
            m = self.m.get(key, np.zeros_like(g))
            v = self.v.get(key, np.zeros_like(g))
            m = self.beta1 * m + (1 - self.beta1) * g
            v = self.beta2 * v + (1 - self.beta2) * g**2
            self.m[key], self.v[key] = m, v
            m_hat = m / (1 - self.beta1**self.t)
            v_hat = v / (1 - self.beta2**self.t)
            params[key] -= self.lr * m_hat / (np.sqrt(v_hat) + self.eps)


def example(rng):
    shapes = {"W1": (4, 3), "b1": (3,)}
    return {
        "optimizer": Adam(lr=0.01),
        "params": {key: rng.normal(size=shape) for key, shape in shapes.items()},
        "grads": {key: rng.normal(size=shape) for key, shape in shapes.items()},
        "learning_rate": 0.01,
    }
