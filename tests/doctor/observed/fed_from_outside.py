"""right: what trains feeds the batch to the network, whose passes are handed nothing."""

import numpy as np


class Net:
    def __init__(self, features, hidden):
        rng = np.random.default_rng(5)
        self.W1, self.b1 = rng.normal(size=(features, hidden)), np.zeros(hidden)
        self.W2, self.b2 = rng.normal(size=(hidden, 1)), np.zeros(1)
        self.fed = {"x": None, "y": None}

    def feed(self, x, y):
        self.fed["x"], self.fed["y"] = x, y

    def forward(self):
        self.z = self.fed["x"] @ self.W1 + self.b1
        self.h = np.maximum(self.z, 0)
        self.out = self.h @ self.W2 + self.b2
        return self.out

    def compute_loss(self):
        return 0.5 * np.mean((self.out - self.fed["y"]) ** 2)

    def backward(self):
        self.grad_out = (self.out - self.fed["y"]) / len(self.fed["y"])
        self.grad_W2, self.grad_b2 = self.h.T @ self.grad_out, self.grad_out.sum(axis=0)
        self.grad_z = self.grad_out @ self.W2.T * (self.z > 0)
        self.grad_W1, self.grad_b1 = self.fed["x"].T @ self.grad_z, self.grad_z.sum(axis=0)

    def update(self, rate):
        self.W1, self.b1 = self.W1 - rate * self.grad_W1, self.b1 - rate * self.grad_b1
        self.W2, self.b2 = self.W2 - rate * self.grad_W2, self.b2 - rate * self.grad_b2


x = np.linspace(-2, 2, 40).reshape(-1, 1)
net = Net(1, 6)
for step in range(100):
    net.feed(x, x**2)
    net.forward()
    net.backward()
    net.update(0.05)
    if step % 20 == 0:
        print(net.compute_loss())
