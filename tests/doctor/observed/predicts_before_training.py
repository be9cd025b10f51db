"""right: a network for single vectors, with two losses, that predicts a batch before it is trained."""

import numpy as np


class Network:
    def __init__(self, inputs, hidden, outputs):
        rng = np.random.default_rng(0)
        self.W1, self.b1 = rng.normal(size=(inputs, hidden)), np.zeros(hidden)
        self.W2, self.b2 = rng.normal(size=(hidden, outputs)), np.zeros(outputs)

    def _sigmoid(self, z):
        return 1 / (1 + np.exp(-z))

    def _mse(self, y_pred, y_true):
        return np.mean((y_pred - y_true) ** 2)

    def _binary_cross_entropy(self, y_pred, y_true):
        return -np.sum(y_true * np.log(y_pred) + (1 - y_true) * np.log(1 - y_pred))

    def _forward_pass(self, x):
        a1 = self._sigmoid(x @ self.W1 + self.b1)
        return a1, self._sigmoid(a1 @ self.W2 + self.b2)

    def predict(self, x):
        return self._forward_pass(x)[1]

    def _compute_gradients(self, x, y_true):
        a1, a2 = self._forward_pass(x)
        dE_db2 = a2 - y_true
        dE_dW2 = np.outer(a1, dE_db2)
        dE_db1 = dE_db2 @ self.W2.T * a1 * (1 - a1)
        dE_dW1 = np.outer(x, dE_db1)
        return dE_dW1, dE_db1, dE_dW2, dE_db2

    def train(self, x, y, rounds=5):
        for _ in range(rounds):
            loss = 0
            for vector, target in zip(x, y):
                for name, gradient in zip(["W1", "b1", "W2", "b2"], self._compute_gradients(vector, target)):
                    setattr(self, name, getattr(self, name) - 0.1 * gradient)
                loss += self._binary_cross_entropy(self.predict(vector), target)


x = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = np.array([[0, 0], [1, 0], [1, 0], [0, 1]])
network = Network(2, 4, 2)
network.predict(x)
network.train(x, y)
