"""wrong sign: the activations of all layers, and the error the other way round."""

import numpy as np


class Network:
    def __init__(self, inputs, hidden_layers, outputs):
        rng = np.random.default_rng(7)
        sizes = [inputs, *hidden_layers, outputs]
        self.weights = [rng.normal(size=(sizes[i], sizes[i + 1])) for i in range(len(sizes) - 1)]

    def feed_forward(self, x):
        activations = [x]
        for weight in self.weights:
            activations.append(np.tanh(activations[-1] @ weight))
        return activations

    def back_propagate(self, target, activations):
        derivatives = [None] * len(self.weights)
        error = target - activations[-1]
        for i in reversed(range(len(self.weights))):
            delta = error * (1 - activations[i + 1] ** 2)
            derivatives[i] = activations[i].T @ delta
            error = delta @ self.weights[i].T
        return derivatives

    def evaluate_loss(self, output, target):
        return 0.5 * np.sum((output - target) ** 2)
