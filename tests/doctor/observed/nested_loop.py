"""right: a loop within a function, which calls functions that stand in it, and change its names."""

import numpy as np


def main():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
    w, b = rng.normal(size=(4, 2)) * 0.1, np.zeros(2)
    rate = 0.1

    def predict():
        return np.tanh(x @ w + b)

    def tanh_prime(out):
        return 1 - out**2

    for step in range(300):
        out = predict()
        loss = ((out - y) ** 2).sum() / len(x)
        delta = 2 * (out - y) * tanh_prime(out) / len(x)
        w -= rate * x.T @ delta
        b -= rate * delta.sum(axis=0)
    print(loss)


if __name__ == "__main__":
    main()
