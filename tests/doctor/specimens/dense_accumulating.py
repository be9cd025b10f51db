"""Linear layer as in PyTorch: weights are (out, in), gradients add up until zero_grad()."""

import numpy as np


class LinearLayer:
    def __init__(self, n_in, n_out, rng):
        bound = 1.0 / np.sqrt(n_in)
        self.W = rng.uniform(-bound, bound, (n_out, n_in))
        self.b = rng.uniform(-bound, bound, n_out)
        self.zero_grad()

    def zero_grad(self):
        self.grad_W = np.zeros_like(self.W)
        self.grad_b = np.zeros_like(self.b)

    def forward(self, x):
        self.last_x = x.copy()
        return np.einsum("ni,oi->no", x, self.W) + self.b

    def backward(self, grad_output):
        self.grad_W += np.einsum("no,ni->oi", grad_output, self.last_x)
        self.grad_b += np.einsum("no->o", grad_output)
        grad_input = np.einsum("no,oi->ni", grad_output, self.W)
        return grad_input


def example(rng):
    return {"layer": LinearLayer(6, 4, rng), "x": rng.normal(size=(3, 6))}
