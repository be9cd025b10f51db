"""right: passes that are handed the weights and the layers, and find their data in the file."""

import numpy as np

rng = np.random.default_rng(3)
X, Y = rng.normal(size=(3, 7)), rng.integers(2, size=(1, 7)).astype(float)
kept = {"a0": X}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def all_forward(weights, layers):
    a = X.copy()
    for number, layer in enumerate(layers, 1):
        a = layer["activation"](weights[f"W{number}"] @ a + weights[f"b{number}"])
        kept[f"a{number}"] = a
    return a


def loss_function(predicted, true):
    return -np.mean(true * np.log(predicted) + (1 - true) * np.log(1 - predicted))


def all_backward(y_predicted, y_true, weights, layers):
    dz = (y_predicted - y_true) / y_true.shape[1]
    gradients = {}
    for number in range(len(layers), 0, -1):
        gradients[f"dW{number}"] = dz @ kept[f"a{number - 1}"].T
        gradients[f"db{number}"] = dz.sum(axis=1, keepdims=True)
        below = kept[f"a{number - 1}"]
        dz = weights[f"W{number}"].T @ dz * below * (1 - below)
    return gradients


layers = [{"size": 4, "activation": sigmoid}, {"size": 1, "activation": sigmoid}]
weights = {"W1": rng.normal(size=(4, 3)), "b1": np.zeros((4, 1))}
weights |= {"W2": rng.normal(size=(1, 4)), "b2": np.zeros((1, 1))}
for _ in range(50):
    predicted = all_forward(weights, layers)
    loss = loss_function(predicted, Y)
    gradients = all_backward(predicted, Y, weights, layers)
    for name in weights:
        weights[name] -= 0.5 * gradients["d" + name]
