"""right: a menu without an end that asks what to do; the class trains in a method of its own."""

import time

import numpy as np
from tqdm import tqdm


class Perceptron:
    def __init__(self, n):
        self.w = np.random.randn(n)
        self.b = 0.0

    def forward(self, x):
        return np.tanh(x @ self.w + self.b)

    def train(self, x, y, epochs, eta):
        for _ in tqdm(range(epochs)):
            for xi, yi in zip(x, y):
                out = self.forward(xi)
                delta = (out - yi) * (1 - out**2)
                self.w -= eta * delta * xi
                self.b -= eta * delta


data = np.random.randn(50, 3)
labels = np.sign(data.sum(axis=1))
net = Perceptron(3)
while True:
    choice = input("1: train, 2: quit ")
    if choice == "1":
        net.train(data, labels, 10, 0.05)
        time.sleep(0)
    if choice == "2":
        break
