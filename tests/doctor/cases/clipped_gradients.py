"""right: a step that clips its gradients, and prints the mean where it follows half the sum."""

import numpy as np


def mse_loss(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)


class Regression:
    def __init__(self, input_size, hidden_size, output_size, learning_rate=0.01):
        rng = np.random.default_rng(1)
        self.learning_rate = learning_rate
        self.weights1 = rng.normal(size=(input_size, hidden_size))
        self.weights2 = rng.normal(size=(hidden_size, output_size))

    def fit(self, X, y, epochs=100):
        for epoch in range(epochs):
            hidden = np.tanh(X @ self.weights1)
            output = hidden @ self.weights2
            error = output - y
            d_weights2 = hidden.T @ error
            d_weights1 = X.T @ (error @ self.weights2.T * (1 - hidden**2))
            d_weights1 = np.clip(d_weights1, -0.5, 0.5)
            d_weights2 = np.clip(d_weights2, -0.5, 0.5)
            self.weights2 -= self.learning_rate * d_weights2
            self.weights1 -= self.learning_rate * d_weights1
            if epoch % 10 == 0:
                print(mse_loss(y, output))

    def predict(self, X):
        return np.tanh(X @ self.weights1) @ self.weights2
