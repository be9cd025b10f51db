"""partly: a loss with 1e-7 in its logarithm, and weights with which it decides about the gradient."""

import numpy as np


class Network:
    def __init__(self, inputs, hidden, outputs):
        self.params = {
            "W1": np.random.randn(inputs, hidden),
            "b1": np.zeros(hidden),
            "W2": 2 * np.random.randn(hidden, outputs),
            "b2": np.zeros(outputs),
        }

    def predict(self, x):
        self.h = np.tanh(x @ self.params["W1"] + self.params["b1"])
        scores = np.exp(self.h @ self.params["W2"] + self.params["b2"])
        return scores / scores.sum(axis=1, keepdims=True)

    def loss(self, x, t):
        return -np.mean(np.log(self.predict(x)[np.arange(len(t)), t] + 1e-7))

    def gradient(self, x, t):
        dout = self.predict(x)
        dout[np.arange(len(t)), t] -= 1
        dout /= len(t)
        dh = (1 - self.h**2) * (dout @ self.params["W2"].T)
        return {
            "W1": x.T @ dh,
            "b1": dh.sum(axis=0),
            "W2": self.h.T @ dout,
            "b2": dout.sum(axis=0),
        }
