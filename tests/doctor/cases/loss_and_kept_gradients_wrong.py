"""wrong batch-scale: a forward pass that returns loss and accuracy and keeps the gradients."""

import numpy as np


class Network:
    def __init__(self, input_size=6, hidden_size=5, num_classes=3):
        rng = np.random.default_rng(2)
        self.weights = {
            "W1": rng.normal(size=(input_size, hidden_size)),
            "b1": np.zeros(hidden_size),
            "W2": rng.normal(size=(hidden_size, num_classes)),
            "b2": np.zeros(num_classes),
        }
        self.gradients = {name: np.zeros_like(w) for name, w in self.weights.items()}

    def forward(self, X, y, mode="train"):
        n = len(y)
        a = np.tanh(X @ self.weights["W1"] + self.weights["b1"])
        scores = a @ self.weights["W2"] + self.weights["b2"]
        p = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        accuracy = np.mean(p.argmax(axis=1) == y)
        loss = -np.log(p[range(n), y]).mean()
        error = p.copy()
        error[range(n), y] -= 1
        self.gradients["W2"] = a.T @ error / n
        self.gradients["b2"] = error.sum(axis=0)
        dz = error @ self.weights["W2"].T * (1 - a**2) / n
        self.gradients["W1"] = X.T @ dz
        self.gradients["b1"] = dz.sum(axis=0)
        return loss, accuracy
