"""wrong missing-activation-derivative: one step, outside any loop, without the derivative of tanh."""

import numpy as np

rng = np.random.default_rng(0)
X = rng.normal(size=(5, 4))
Y = rng.normal(size=(5, 3))
W1, b1 = rng.normal(size=(4, 6)), np.zeros(6)
W2, b2 = rng.normal(size=(6, 3)), np.zeros(3)

hidden = np.tanh(X @ W1 + b1)
out = hidden @ W2 + b2
loss = np.sum((out - Y) ** 2)

dout = 2 * (out - Y)
dW2 = hidden.T @ dout
db2 = dout.sum(axis=0)
dhidden = dout @ W2.T
dW1 = X.T @ dhidden
db1 = dhidden.sum(axis=0)

W1 -= 0.01 * dW1
b1 -= 0.01 * db1
W2 -= 0.01 * dW2
b2 -= 0.01 * db2
