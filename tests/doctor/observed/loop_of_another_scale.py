"""right: a loop that prints the sum of the errors, and follows the gradients of their mean."""

import numpy as np

rng = np.random.default_rng(5)
X, y = rng.normal(size=(8, 3)), rng.normal(size=(8, 1))
W1, W2 = rng.normal(size=(3, 4)), rng.normal(size=(4, 1))
for epoch in range(100):
    hidden = np.tanh(X @ W1)
    output = hidden @ W2
    loss = np.sum((output - y) ** 2)
    print(loss)
    d_output = (output - y) / len(X)
    dW2 = hidden.T @ d_output
    dW1 = X.T @ (d_output @ W2.T * (1 - hidden**2))
    W1 -= 0.1 * dW1
    W2 -= 0.1 * dW2
