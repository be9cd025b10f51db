"""right: fit calls forward and backward over mini-batches of data from a file beside it."""

import os

import numpy as np

FOLDER = os.path.dirname(os.path.abspath(__file__))


class MLP:
    def __init__(self, sizes, seed=1):
        rng = np.random.RandomState(seed)
        self.weights = [rng.randn(a, b) * 0.5 for a, b in zip(sizes[:-1], sizes[1:])]
        self.biases = [np.zeros(b) for b in sizes[1:]]

    def forward(self, X):
        self.activations = [X]
        for i, (W, b) in enumerate(zip(self.weights, self.biases)):
            z = self.activations[-1] @ W + b
            if i < len(self.weights) - 1:
                a = np.tanh(z)
            else:
                e = np.exp(z - z.max(axis=1, keepdims=True))
                a = e / e.sum(axis=1, keepdims=True)
            self.activations.append(a)
        return self.activations[-1]

    def loss(self, y, probs):
        return -np.mean(np.sum(y * np.log(probs + 1e-12), axis=1))

    def backward(self, y):
        m = len(y)
        delta = (self.activations[-1] - y) / m
        self.dW, self.db = [], []
        for i in reversed(range(len(self.weights))):
            self.dW.insert(0, self.activations[i].T @ delta)
            self.db.insert(0, delta.sum(axis=0))
            if i:
                delta = (delta @ self.weights[i].T) * (1 - self.activations[i] ** 2)

    def fit(self, X, y, epochs, lr, batch_size=16):
        for epoch in range(epochs):
            order = np.random.permutation(len(X))
            for start in range(0, len(X), batch_size):
                rows = order[start : start + batch_size]
                probs = self.forward(X[rows])
                self.backward(y[rows])
                for W, b, dW, db in zip(self.weights, self.biases, self.dW, self.db):
                    W -= lr * dW
                    b -= lr * db
            print(epoch, self.loss(y[rows], probs))


def load(name):
    table = np.genfromtxt(os.path.join(FOLDER, name), delimiter=",", skip_header=1)
    return table[:, :-1], np.eye(3)[table[:, -1].astype(int)]


def main():
    epochs = int(input("How many epochs? "))
    X, y = load("flowers.csv")
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    net = MLP([4, 8, 3])
    net.fit(X, y, epochs, 0.1)


main()
