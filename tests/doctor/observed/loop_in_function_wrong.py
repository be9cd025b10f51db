"""wrong constant-scale|batch-scale: a bias takes the mean over the examples."""

import numpy as np


def make_data(count):
    rng = np.random.RandomState(5)
    x = rng.uniform(-2, 2, size=(count, 2))
    return x, np.sin(x[:, :1]) + x[:, 1:]


def train(epochs=500, lr=0.05, hidden=12, batch=20):
    x_train, y_train = make_data(400)
    w1 = np.random.randn(2, hidden) * 0.3
    b1 = np.zeros(hidden)
    w2 = np.random.randn(hidden, 1) * 0.3
    b2 = np.zeros(1)
    for epoch in range(epochs):
        for i in range(0, len(x_train), batch):
            xb = x_train[i : i + batch]
            yb = y_train[i : i + batch]
            z1 = xb @ w1 + b1
            a1 = np.maximum(z1, 0)
            pred = a1 @ w2 + b2
            loss = ((pred - yb) ** 2).mean()
            grad_pred = 2 * (pred - yb) / len(xb)
            grad_w2 = a1.T @ grad_pred
            grad_b2 = grad_pred.sum(axis=0)
            grad_a1 = grad_pred @ w2.T
            grad_z1 = grad_a1 * (z1 > 0)
            grad_w1 = xb.T @ grad_z1
            grad_b1 = grad_z1.mean(axis=0)
            w1 = w1 - lr * grad_w1
            b1 = b1 - lr * grad_b1
            w2 = w2 - lr * grad_w2
            b2 = b2 - lr * grad_b2
        print(epoch, loss)


if __name__ == "__main__":
    train()
