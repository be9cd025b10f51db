"""right: backward(X, y_true, output_pred), of half the sum of the errors whose mean is printed."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class NeuralNetwork:
    def __init__(self, input_size, hidden_size, output_size):
        self.w1, self.b1 = np.random.randn(input_size, hidden_size), np.zeros((1, hidden_size))
        self.w2, self.b2 = np.random.randn(hidden_size, output_size), np.zeros((1, output_size))
        self.learning_rate = 0.1

    def forward(self, X):
        self.a1 = sigmoid(X @ self.w1 + self.b1)
        return sigmoid(self.a1 @ self.w2 + self.b2)

    def backward(self, X, y_true, output_pred):
        at_output = (output_pred - y_true) * output_pred * (1 - output_pred)
        at_hidden = at_output @ self.w2.T * self.a1 * (1 - self.a1)
        self.w2 -= self.learning_rate * self.a1.T @ at_output
        self.b2 -= self.learning_rate * at_output.sum(axis=0, keepdims=True)
        self.w1 -= self.learning_rate * X.T @ at_hidden
        self.b1 -= self.learning_rate * at_hidden.sum(axis=0, keepdims=True)

    def calculate_loss(self, y_true, y_pred):
        return np.mean(np.square(y_true - y_pred))
