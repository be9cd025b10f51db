"""wrong missing-activation-derivative: a network that is described by a list with a dictionary for each layer."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class Net:
    def __init__(self, architecture, seed=1):
        rng = np.random.RandomState(seed)
        self.architecture, self.params = architecture, {}
        for number, layer in enumerate(architecture, 1):
            n_in, n_out = layer["input_dim"], layer["output_dim"]
            self.params[f"W{number}"] = rng.randn(n_in, n_out) * 0.5
            self.params[f"b{number}"] = np.zeros((1, n_out))

    def forward(self, x):
        self.cache = {"A0": x}
        for number, layer in enumerate(self.architecture, 1):
            z = x @ self.params[f"W{number}"] + self.params[f"b{number}"]
            x = np.maximum(0, z) if layer["activation"] == "relu" else sigmoid(z)
            self.cache[f"Z{number}"], self.cache[f"A{number}"] = z, x
        return x

    def backward(self, dA):
        self.grads = {}
        for number in range(len(self.architecture), 0, -1):
            a = self.cache[f"A{number}"]
            if self.architecture[number - 1]["activation"] == "relu":
                dZ = dA
            else:
                dZ = dA * a * (1 - a)
            self.grads[f"dW{number}"] = self.cache[f"A{number - 1}"].T @ dZ
            self.grads[f"db{number}"] = dZ.sum(axis=0, keepdims=True)
            dA = dZ @ self.params[f"W{number}"].T
        return dA
