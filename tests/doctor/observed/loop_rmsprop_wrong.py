"""wrong batch-scale|constant-scale: a loop in a function, with RMSprop and names for each array, without a loss."""

import numpy as np


def relu(z):
    return np.maximum(0, z)


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def train(x, labels, hidden=9, classes=3, rate=0.001, rounds=1000):
    n = len(x)
    targets = np.eye(classes)[labels]
    w1 = np.random.randn(x.shape[1], hidden) * 0.3
    b1 = np.zeros(hidden)
    w2 = np.random.randn(hidden, classes) * 0.3
    b2 = np.zeros(classes)
    s_w1, s_b1, s_w2, s_b2 = (np.zeros_like(p) for p in (w1, b1, w2, b2))
    for i in range(rounds):
        z1 = x.dot(w1) + b1
        a1 = relu(z1)
        probs = softmax(a1.dot(w2) + b2)

        dz2 = (probs - targets) / n
        dw2 = a1.T.dot(dz2)
        db2 = dz2.sum(axis=0)
        dz1 = dz2.dot(w2.T) * (z1 > 0)
        dw1 = x.T.dot(dz1)
        db1 = dz1.mean(axis=0)

        s_w1 = 0.9 * s_w1 + 0.1 * dw1**2
        s_b1 = 0.9 * s_b1 + 0.1 * db1**2
        s_w2 = 0.9 * s_w2 + 0.1 * dw2**2
        s_b2 = 0.9 * s_b2 + 0.1 * db2**2
        w1 -= rate * dw1 / (np.sqrt(s_w1) + 1e-8)
        b1 -= rate * db1 / (np.sqrt(s_b1) + 1e-8)
        w2 -= rate * dw2 / (np.sqrt(s_w2) + 1e-8)
        b2 -= rate * db2 / (np.sqrt(s_b2) + 1e-8)
        if i % 100 == 0:
            print(i, np.mean(probs.argmax(axis=1) == labels))
    return w1, b1, w2, b2


if __name__ == "__main__":
    rng = np.random.RandomState(0)
    train(rng.randn(60, 5), rng.randint(0, 3, 60))
