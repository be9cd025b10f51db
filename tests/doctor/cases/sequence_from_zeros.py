"""right: a recurrent layer over one sequence, from a state of zeros, whose gradients are clipped."""

import numpy as np


class Recurrent:
    def __init__(self, input_size, hidden_size):
        rng = np.random.default_rng(0)
        self.U = rng.normal(size=(input_size, hidden_size))
        self.W = rng.normal(size=(hidden_size, hidden_size))
        self.B = rng.normal(size=hidden_size)

    def forward(self, x, h):
        self.x, self.states = x, np.zeros((len(x), len(self.B)))
        for t in range(len(x)):
            h = np.tanh(x[t] @ self.U + h @ self.W + self.B)
            self.states[t] = h
        return self.states, h

    def backward(self, grad_in):
        self.grad_U, self.grad_W = np.zeros_like(self.U), np.zeros_like(self.W)
        self.grad_B, grad_out, after = np.zeros_like(self.B), np.zeros_like(self.x), 0
        for t in reversed(range(len(self.x))):
            grad_z = (grad_in[t] + after) * (1 - self.states[t] ** 2)
            grad_out[t] = grad_z @ self.U.T
            self.grad_U += np.outer(self.x[t], grad_z)
            self.grad_W += np.outer(self.states[t - 1], grad_z) if t else 0
            self.grad_B += grad_z
            after = grad_z @ self.W.T
        for each in [self.grad_U, self.grad_W, self.grad_B]:
            np.clip(each, -0.5, 0.5, out=each)
        return grad_out
