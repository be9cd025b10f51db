"""A layer which updates itself on the way back."""

import numpy as np


class FCLayer:
    def __init__(self, input_size, output_size, rng):
        self.weights = rng.random((input_size, output_size)) - 0.5
        self.bias = rng.random((1, output_size)) - 0.5

    def forward_propagation(self, input_data):
        self.input = input_data
        self.output = np.dot(self.input, self.weights) + self.bias
        return self.output

    def backward_propagation(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        weights_error = np.dot(self.input.T, output_error)
        bias_error = np.sum(output_error, axis=0, keepdims=True)

        self.weights -= learning_rate * weights_error
        self.bias -= learning_rate * bias_error
        return input_error


def example(rng):
    return {
        "layer": FCLayer(4, 3, rng),
        "x": rng.standard_normal((5, 4)),
        "learning_rate": 0.1,
    }
