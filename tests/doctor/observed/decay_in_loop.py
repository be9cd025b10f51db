"""right: a loop that computes no loss, whose updates hold the term of a regularizer."""

import numpy as np

rng = np.random.default_rng(4)
X = rng.normal(size=(12, 3))
y = np.tanh(X @ rng.normal(size=(3, 2)))
W1, W2 = rng.normal(size=(3, 5)), rng.normal(size=(5, 2))
lr, weight_decay = 0.1, 0.02

for step in range(500):
    hidden = np.tanh(X @ W1)
    output = hidden @ W2
    delta = (output - y) / len(X)
    dW2 = hidden.T @ delta + weight_decay * W2
    dW1 = X.T @ (delta @ W2.T * (1 - hidden**2)) + weight_decay * W1
    W2 -= lr * dW2
    W1 -= lr * dW1
