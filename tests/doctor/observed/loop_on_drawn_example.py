"""right: a loop that draws an example in each round."""

import numpy as np

rng = np.random.default_rng(5)
X, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 1))
W1, W2 = rng.normal(size=(3, 4)), rng.normal(size=(4, 1))
for k in range(500):
    i = np.random.randint(X.shape[0])
    hidden = np.tanh(X[i : i + 1] @ W1)
    output = np.tanh(hidden @ W2)
    error = y[i : i + 1] - output
    delta = error * (1 - output**2)
    below = delta @ W2.T * (1 - hidden**2)
    W2 += 0.1 * hidden.T @ delta
    W1 += 0.1 * X[i : i + 1].T @ below
