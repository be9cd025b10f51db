"""wrong: loops over layers in a loop, the hidden one without its derivative."""

import numpy as np

rng = np.random.default_rng(4)
X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
weights = [rng.normal(size=(3, 4)), rng.normal(size=(4, 2))]
learning_rate = 0.05

for epoch in range(1000):
    a = [X]
    for W in weights:
        a.append(np.tanh(a[-1] @ W))
    error = a[-1] - Y
    deltas = [error * (1 - a[-1] ** 2)]
    hidden = deltas[0] @ weights[1].T
    deltas.insert(0, hidden)
    for i in range(len(weights)):
        layer = a[i]
        gradient = layer.T @ deltas[i]
        weights[i] -= learning_rate * gradient
