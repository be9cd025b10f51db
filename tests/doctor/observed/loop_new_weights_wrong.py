"""wrong missing-activation-derivative: one example at a time, and the slope of the hidden layer left out."""

import numpy as np

p = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
t = np.array([0, 1, 1, 0])
alpha = 0.5
w1, b1 = np.array([[0.1, 0.2], [-0.4, 0.5]]), np.array([0.3, -0.6])
w2, b2 = np.array([0.7, 0.8]), np.array([-0.9])
for epoch in range(1000):
    count = 0
    err = 0
    for x in p:
        a1 = 1 / (1 + np.exp(-(x @ w1.T + b1)))
        a2 = 1 / (1 + np.exp(-(a1 @ w2.T + b2)))
        err += np.power(t[count] - a2, 2)
        s2 = -(t[count] - a2) * a2 * (1 - a2)
        n_w2 = w2 - alpha * s2 * a1
        n_b2 = b2 - alpha * s2
        s1 = s2 * w2
        n_b1 = b1 - alpha * s1
        x = np.reshape(x, (1, 2))
        n_w1 = w1 - alpha * np.reshape(s1, (2, 1)) * x
        w1 = n_w1
        b1 = n_b1
        w2 = n_w2
        b2 = n_b2
        count += 1
