"""right: a network whose sizes are 0 unless they are given."""

import numpy as np


class Net:
    def __init__(self, input_size=0, output_size=0, std=1e-1):
        self.params = {"W": std * np.random.randn(input_size, output_size)}

    def loss(self, X, y):
        residual = X.dot(self.params["W"]) - y
        return 0.5 * np.sum(residual**2), {"W": X.T.dot(residual)}
