"""right: a loss with 1e-7 in its logarithm, and weights so large that some outputs are nearly zero."""

import numpy as np


class Network:
    def __init__(self, inputs, outputs):
        self.params = {"W": 3 * np.random.randn(inputs, outputs), "b": np.zeros(outputs)}

    def predict(self, x):
        scores = np.exp(x @ self.params["W"] + self.params["b"])
        return scores / scores.sum(axis=1, keepdims=True)

    def loss(self, x, t):
        return -np.mean(np.log(self.predict(x)[np.arange(len(t)), t] + 1e-7))

    def gradient(self, x, t):
        dout = self.predict(x)
        dout[np.arange(len(t)), t] -= 1
        dout /= len(t)
        return {"W": x.T @ dout, "b": dout.sum(axis=0)}
