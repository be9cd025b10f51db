"""right: a script that uses a layer of a folder, whose file imports one beside it."""

import numpy as np
from parts.layer import Layer

rng = np.random.default_rng(9)
x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
layer = Layer(3, 2)
for _ in range(20):
    output = layer.forward(x)
    layer.backward((output - y) / len(x))
    layer.W -= 0.1 * layer.dW
