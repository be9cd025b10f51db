"""right: the backward function hands back deltas alone, from which another one makes the update."""

import numpy as np


def forward(X, W1, W2, b1, b2):
    hidden = np.tanh(W1 @ X + b1)
    return hidden, 1 / (1 + np.exp(-(W2 @ hidden + b2)))


def backward(hidden, output, Y, W2):
    delta2 = output * (1 - output) * (Y - output)
    delta1 = (1 - hidden**2) * (W2.T @ delta2)
    return delta2, delta1


def update_weights(W1, W2, b1, b2, delta1, delta2, hidden, X, lr):
    W2 = W2 + lr * delta2 @ hidden.T
    W1 = W1 + lr * delta1 @ X.T
    b2 = b2 + lr * delta2.sum(axis=1, keepdims=True)
    b1 = b1 + lr * delta1.sum(axis=1, keepdims=True)
    return W1, W2, b1, b2


def main():
    rng = np.random.default_rng(4)
    X = rng.normal(size=(2, 6))
    Y = (X[:1] * X[1:] > 0).astype(float)
    W1, b1 = rng.normal(size=(3, 2)), np.zeros((3, 1))
    W2, b2 = rng.normal(size=(1, 3)), np.zeros((1, 1))
    for _ in range(500):
        hidden, output = forward(X, W1, W2, b1, b2)
        delta2, delta1 = backward(hidden, output, Y, W2)
        W1, W2, b1, b2 = update_weights(W1, W2, b1, b2, delta1, delta2, hidden, X, 0.25)
    print(output)


if __name__ == "__main__":
    main()
