"""right: a network of layers in a package, trained by another file's loop."""

import numpy as np
from nn.layers import Dense, Tanh
from nn.losses import mse, mse_prime

X = np.reshape([[0, 0], [0, 1], [1, 0], [1, 1]], (4, 2, 1))
Y = np.reshape([[0], [1], [1], [0]], (4, 1, 1))

network = [Dense(2, 3), Tanh(), Dense(3, 1), Tanh()]


def predict(network, x):
    for layer in network:
        x = layer.forward(x)
    return x


for e in range(10000):
    error = 0
    for x, y in zip(X, Y):
        output = predict(network, x)
        error += mse(y, output)
        grad = mse_prime(y, output)
        for layer in reversed(network):
            grad = layer.backward(grad, 0.1)
    error /= len(X)
    print(f"{e + 1}/10000, error={error}")
