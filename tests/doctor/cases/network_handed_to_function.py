"""right: a function that is handed the network, and returns its gradients with the error."""

import numpy as np


class Network:
    def __init__(self):
        rng = np.random.default_rng(3)
        self.W1, self.W2 = rng.normal(size=(5, 4)), rng.normal(size=(3, 5))

    def forward(self, x):
        z1 = self.W1 @ x
        a1 = np.tanh(z1)
        return a1, self.W2 @ a1


def learn(net, x, y):
    a1, out = net.forward(x)
    total_error = 0.5 * np.sum((out - y) ** 2)
    delta = out - y
    dW2 = delta @ a1.T
    dW1 = (net.W2.T @ delta * (1 - a1**2)) @ x.T
    return dW1, dW2, total_error
