"""right: lists for plots and an empty list of callbacks"""

import numpy as np


class Perceptron:
    def __init__(self, n_inputs, n_outputs):
        self.history, self.callbacks, self.layers_seen = [], [], []
        self.weights = np.random.default_rng(9).normal(size=(n_inputs, n_outputs))

    def forward(self, x):
        self.x = x
        return x @ self.weights

    def backward(self, grad_output):
        self.grad_weights = self.x.T @ grad_output
        return grad_output @ self.weights.T
