"""wrong missing-activation-derivative|derivative-at-wrong-point|unknown|wrong-activation-derivative: a menu without an end, and a slope that belongs to another function."""

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
                loss = 0.5 * (out - yi) ** 2
                delta = (out - yi) * (out * (1 - out))
                self.w -= eta * delta * xi
                self.b -= eta * delta
            print(loss)


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
