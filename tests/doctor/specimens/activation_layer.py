"""An activation as a layer, given the function and its derivative."""

import numpy as np


def tanh(x):
    return np.tanh(x)


def tanh_prime(x):
    return 1 - np.tanh(x) ** 2


class ActivationLayer:
    def __init__(self, activation, activation_prime):
        self.activation = activation
        self.activation_prime = activation_prime

    def forward_propagation(self, input_data):
        self.input = input_data
        self.output = self.activation(self.input)
        return self.output

    def backward_propagation(self, output_error, learning_rate):
        return self.activation_prime(self.input) * output_error


def example(rng):
    layer = ActivationLayer(tanh, tanh_prime)
    return {"layer": layer, "x": rng.standard_normal((4, 3)), "learning_rate": 0.05}
