"""not checked none of the targets: each update is followed by another one, with a momentum in it."""

import numpy as np

rng = np.random.default_rng(0)
X = rng.random((1, 6))
W_hidden, W_out = rng.random((6, 3)), rng.random((3, 6))
old_hidden, old_out = np.zeros_like(W_hidden), np.zeros_like(W_out)
delta, alpha = 0.7, 0.7
for epoch in range(100):
    hidden = 1 / (1 + np.exp(-X @ W_hidden))
    output = 1 / (1 + np.exp(-hidden @ W_out))
    aux = (X - output) * output * (1 - output)
    aux2 = aux @ W_out.T * hidden * (1 - hidden)
    W_out = W_out + delta * hidden.T @ aux
    W_hidden = W_hidden + delta * X.T @ aux2
    new_out = W_out + alpha * (W_out - old_out) + delta * hidden.T @ aux
    old_out = W_out
    W_out = new_out
    new_hidden = W_hidden + alpha * (W_hidden - old_hidden) + delta * X.T @ aux2
    old_hidden = W_hidden
    W_hidden = new_hidden
