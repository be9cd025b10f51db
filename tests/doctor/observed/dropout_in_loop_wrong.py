"""wrong dropout-mask: a loop that leaves the mask out in its backward pass."""

import numpy as np

np.random.seed(3)
x = np.random.randn(6, 3)
y = np.tanh(x @ np.random.randn(3, 2))
W1, W2 = np.random.randn(3, 8), np.random.randn(8, 2)
keep, lr = 0.7, 0.05

for epoch in range(300):
    a1 = np.tanh(x @ W1)
    mask = (np.random.rand(*a1.shape) < keep) / keep
    dropped = a1 * mask
    a2 = dropped @ W2
    loss = np.sum((a2 - y) ** 2)
    d2 = 2 * (a2 - y)
    dW2 = dropped.T @ d2
    d1 = (d2 @ W2.T) * (1 - a1**2)
    dW1 = x.T @ d1
    W2 -= lr * dW2
    W1 -= lr * dW1
