"""right: layers whose weights another method makes, and whose passes are told the mode."""

import numpy as np


class Dense:
    def __init__(self, units):
        self.units = units

    def init_params(self, input_size):
        self.weight_params = np.random.randn(self.units, input_size[1])
        self.bias_params = np.zeros(self.units)

    def forward(self, input_tensor, mode):
        self.input_tensor = input_tensor
        return input_tensor @ self.weight_params.T + self.bias_params

    def backward(self, output_gradient, learning_rate, mode):
        by_weight = output_gradient.T @ self.input_tensor
        input_gradient = output_gradient @ self.weight_params
        self.weight_params -= learning_rate * by_weight
        self.bias_params -= learning_rate * output_gradient.sum(axis=0)
        return input_gradient
