"""A network of layers that update themselves: add, use, fit, predict."""

import numpy as np


class FCLayer:
    def __init__(self, input_size, output_size, rng):
        self.weights = rng.normal(0, 1 / np.sqrt(input_size), (input_size, output_size))
        self.bias = rng.normal(0, 0.1, (1, output_size))

    def forward_propagation(self, x):
        self.input = x
        return x @ self.weights + self.bias

    def backward_propagation(self, error, learning_rate):
        input_error = error @ self.weights.T
        self.weights -= learning_rate * self.input.T @ error
        self.bias -= learning_rate * error.sum(axis=0, keepdims=True)
        return input_error


class ActivationLayer:
    def __init__(self, function, derivative):
        self.function, self.derivative = function, derivative

    def forward_propagation(self, x):
        self.input = x
        return self.function(x)

    def backward_propagation(self, error, learning_rate):
        return error * self.derivative(self.input)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_prime(x):
    return sigmoid(x) * (1 - sigmoid(x))


def mse(y_true, y_pred):
    return np.mean(np.power(y_true - y_pred, 2))


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / y_true.size


class Network:
    def __init__(self):
        self.layers = []

    def add(self, layer):
        self.layers.append(layer)

    def use(self, loss, loss_prime):
        self.loss, self.loss_prime = loss, loss_prime

    def predict(self, x):
        for layer in self.layers:
            x = layer.forward_propagation(x)
        return x

    def fit(self, x_train, y_train, epochs, learning_rate):
        for _ in range(epochs):
            output = x_train
            for layer in self.layers:
                output = layer.forward_propagation(output)
            error = self.loss_prime(y_train, output)
            for layer in reversed(self.layers):
                error = layer.backward_propagation(error, learning_rate)


def example(rng):
    net = Network()
    net.add(FCLayer(2, 5, rng))
    net.add(ActivationLayer(sigmoid, sigmoid_prime))
    net.add(FCLayer(5, 3, rng))
    net.add(ActivationLayer(np.tanh, lambda x: 1 - np.tanh(x) ** 2))
    net.use(mse, mse_prime)
    return {
        "layer": net,
        "x": rng.normal(size=(4, 2)),
        "y": rng.random((4, 3)),
        "loss": mse,
        "learning_rate": 0.1,
    }
