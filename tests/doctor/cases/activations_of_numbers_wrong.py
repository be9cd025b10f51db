"""wrong sign|wrong-activation-derivative|derivative-at-wrong-point: as activations_of_numbers, with a sign."""

import math

import numpy as np


def logistic(x):
    if x < -700:
        return 0.0
    return 1 / (1 + math.exp(-x))


def logistic_prime(x):
    return logistic(x) * (1 + logistic(x))


class Dense:
    def __init__(self, units):
        self.units = units

    def output_shape_for(self, shape):
        self.W = np.random.default_rng(8).normal(size=(shape[1], self.units))
        return shape[0], self.units

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = self.x.T @ dy
        return dy @ self.W.T
