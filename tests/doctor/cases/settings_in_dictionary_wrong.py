"""wrong missing-activation-derivative: settings in a dictionary, and no derivative."""

import numpy as np


class Network:
    def __init__(self, config):
        self.config = config
        rng = np.random.default_rng(config["seed"])
        self.params = {
            "W1": rng.normal(size=(self.config["hidden_size"], config["input_size"])),
            "W2": rng.normal(size=(self.config["output_size"], config["hidden_size"])),
        }
        self.cache = {}
        self.grads = {}

    def forward(self, X):
        self.cache["A0"] = X
        self.cache["A1"] = np.tanh(self.params["W1"] @ X)
        self.cache["A2"] = self.params["W2"] @ self.cache["A1"]

    def backward(self, targets):
        m = targets.shape[1]
        dZ2 = (self.cache["A2"] - targets) / m
        self.grads["dW2"] = dZ2 @ self.cache["A1"].T
        dZ1 = self.params["W2"].T @ dZ2
        self.grads["dW1"] = dZ1 @ self.cache["A0"].T
