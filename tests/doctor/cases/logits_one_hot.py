"""right: one-hot targets, logits, gradient (softmax - t) / n"""

import numpy as np


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(y, t):
    return -np.sum(t * np.log(y + 1e-7)) / len(y)


class TwoLayerNet:
    def __init__(self, input_size, hidden_size, output_size, weight_init_std=0.5):
        rng = np.random.default_rng(11)
        self.params = {
            "W1": weight_init_std * rng.normal(size=(input_size, hidden_size)),
            "b1": np.zeros(hidden_size),
            "W2": weight_init_std * rng.normal(size=(hidden_size, output_size)),
            "b2": np.zeros(output_size),
        }

    def predict(self, x):
        h = np.tanh(x @ self.params["W1"] + self.params["b1"])
        return softmax(h @ self.params["W2"] + self.params["b2"])

    def loss(self, x, t):
        return cross_entropy(self.predict(x), t)

    def gradient(self, x, t):
        h = np.tanh(x @ self.params["W1"] + self.params["b1"])
        dy = (softmax(h @ self.params["W2"] + self.params["b2"]) - t) / len(x)
        dh = dy @ self.params["W2"].T * (1 - h**2)
        return {"W1": x.T @ dh, "b1": dh.sum(axis=0), "W2": h.T @ dy, "b2": dy.sum(axis=0)}
