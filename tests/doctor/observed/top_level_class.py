"""right: a script that trains at top level, a class with forward and backward."""

import matplotlib.pyplot as plt
import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


class NeuralNetwork:
    def __init__(self, inputs, hidden, outputs):
        self.W1 = np.random.randn(inputs, hidden)
        self.b1 = np.zeros((1, hidden))
        self.W2 = np.random.randn(hidden, outputs)
        self.b2 = np.zeros((1, outputs))

    def forward(self, X):
        self.a1 = sigmoid(X @ self.W1 + self.b1)
        self.a2 = sigmoid(self.a1 @ self.W2 + self.b2)
        return self.a2

    def backward(self, X, y, learning_rate):
        m = X.shape[0]
        dz2 = (self.a2 - y) / m
        dz1 = (dz2 @ self.W2.T) * self.a1 * (1 - self.a1)
        self.W2 -= learning_rate * self.a1.T @ dz2
        self.b2 -= learning_rate * dz2.sum(axis=0, keepdims=True)
        self.W1 -= learning_rate * X.T @ dz1
        self.b1 -= learning_rate * dz1.sum(axis=0, keepdims=True)


X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
y = np.array([[0], [1], [1], [0]])
network = NeuralNetwork(2, 4, 1)
losses = []
for epoch in range(100000):
    output = network.forward(X)
    losses.append(np.mean((y - output) ** 2))
    network.backward(X, y, 0.5)
plt.plot(losses)
plt.show()
