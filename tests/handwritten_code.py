"""Layers as people write them before they know chainrule, one for each style that
`HandWritten` adopts. All compute tanh(x W + b) or x W + b, each in its own words."""

from __future__ import annotations

from typing import Any

import numpy as np


class KeepsGradients:
    """`backward(dy)`, gradients kept as attributes."""

    def __init__(self, in_features: int, out_features: int) -> None:
        rng = np.random.default_rng(1)
        self.weight = rng.standard_normal((in_features, out_features))
        self.bias = rng.standard_normal(out_features)

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, dy):
        self.weight_grad = self.x.T @ dy
        self.bias_grad = dy.sum(axis=0)
        return dy @ self.weight.T


class AccumulatesGradients(KeepsGradients):
    """The same with `+=`, on attributes made in the constructor."""

    def __init__(self, in_features: int, out_features: int) -> None:
        super().__init__(in_features, out_features)
        self.weight_grad = np.zeros_like(self.weight)
        self.bias_grad = np.zeros_like(self.bias)

    def backward(self, dy):
        self.weight_grad += self.x.T @ dy
        self.bias_grad += dy.sum(axis=0)
        return dy @ self.weight.T


class UpdatesItself:
    """`backward(dy, learning_rate)`, which moves the weights there and then, in place."""

    def __init__(self, in_features: int, out_features: int) -> None:
        rng = np.random.default_rng(2)
        self.weights = rng.standard_normal((in_features, out_features))
        self.bias = rng.standard_normal((1, out_features))

    def forward_propagation(self, input_data):
        self.input = input_data
        return self.input @ self.weights + self.bias

    def backward_propagation(self, output_error, learning_rate):
        input_error = output_error @ self.weights.T
        self.weights -= learning_rate * self.input.T @ output_error
        self.bias -= learning_rate * output_error.sum(axis=0, keepdims=True)
        return input_error


class IsGivenTheInput:
    """`backward(x, dy, learning_rate)`, which replaces its weights; examples are columns."""

    def __init__(self, in_features: int, out_features: int) -> None:
        rng = np.random.default_rng(3)
        self.W = rng.standard_normal((out_features, in_features))
        self.b = rng.standard_normal((out_features, 1))

    def forward(self, x):
        return np.tanh(self.W @ x + self.b)

    def backward(self, x, dy, lr):
        dz = dy * (1 - np.tanh(self.W @ x + self.b) ** 2)
        dx = self.W.T @ dz
        self.W = self.W - lr * dz @ x.T
        self.b = self.b - lr * dz.sum(axis=1, keepdims=True)
        return dx


def forward_over_dictionary(x, params: dict[str, Any]):
    """The first of a pair of functions that share a dictionary; it caches there too."""
    params["A0"] = x
    params["A1"] = np.tanh(x @ params["W1"] + params["b1"])
    return params["A1"]


def backward_over_dictionary(dy, params: dict[str, Any]):
    """The second: a dictionary of gradients."""
    dz = dy * (1 - params["A1"] ** 2)
    return {"dW1": params["A0"].T @ dz, "db1": dz.sum(axis=0), "dA0": dz @ params["W1"].T}


def shared_dictionary(in_features: int, out_features: int) -> dict[str, Any]:
    rng = np.random.default_rng(4)
    return {
        "W1": rng.standard_normal((in_features, out_features)),
        "b1": rng.standard_normal(out_features),
    }


class TakesOneExample(UpdatesItself):
    """The same for one example at a time: its bias takes the error as it is."""

    def backward_propagation(self, output_error, learning_rate):
        input_error = output_error @ self.weights.T
        self.weights -= learning_rate * self.input.T @ output_error
        self.bias -= learning_rate * output_error
        return input_error


# --- whole networks: x W1 + b1, tanh, W2 + b2, under the mean squared error -----------------


class TanhLayer:
    def forward_propagation(self, input_data):
        self.output = np.tanh(input_data)
        return self.output

    def backward_propagation(self, output_error, learning_rate):
        return output_error * (1 - self.output**2)


class ListOfLayers:
    """Layers in a list, which update themselves."""

    def __init__(self) -> None:
        self.layers = [UpdatesItself(4, 5), TanhLayer(), UpdatesItself(5, 3)]

    def weights(self):
        first, _, last = self.layers
        return [first.weights, first.bias, last.weights, last.bias]

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward_propagation(x)
        return x

    def backward(self, dy, learning_rate):
        for layer in reversed(self.layers):
            dy = layer.backward_propagation(dy, learning_rate)
        return dy


class PredictsAndFits:
    """No backward pass, but a training step."""

    def __init__(self) -> None:
        self.layers = ListOfLayers().layers

    def weights(self):
        first, _, last = self.layers
        return [first.weights, first.bias, last.weights, last.bias]

    def predict(self, x):
        for layer in self.layers:
            x = layer.forward_propagation(x)
        return x

    def fit(self, x_train, y_train, epochs, learning_rate):
        for _ in range(epochs):
            error = 2 * (self.predict(x_train) - y_train) / y_train.size
            print("error", np.abs(error).max())
            for layer in reversed(self.layers):
                error = layer.backward_propagation(error, learning_rate)


class InPieces:
    """Words for options, and three methods for what is one backward pass elsewhere."""

    def __init__(self) -> None:
        layers = ListOfLayers()
        self.w1, self.b1, self.w2, self.b2 = layers.weights()
        self.lr = 0.5

    def weights(self):
        return [self.w1, self.b1, self.w2, self.b2]

    def forward_pass(self, inputs, kind):
        act = {"relu": np.abs, "tanh": np.tanh}[kind]
        self.h = act(inputs @ self.w1 + self.b1)
        self.out = self.h @ self.w2 + self.b2
        return self.out

    def backward_pass(self, targets):
        self.c2 = 2 * (self.out - targets) / self.out.size
        self.c1 = self.c2 @ self.w2.T * (1 - self.h**2)

    def gradient(self, inputs):
        self.for_w1, self.for_w2 = inputs.T @ self.c1, self.h.T @ self.c2

    def update(self, method):
        if method == "momentum":
            raise NotImplementedError
        if method == "sgd":
            self.w1, self.w2 = self.w1 - self.lr * self.for_w1, self.w2 - self.lr * self.for_w2
            self.b1 = self.b1 - self.lr * self.c1.sum(axis=0, keepdims=True)
            self.b2 = self.b2 - self.lr * self.c2.sum(axis=0, keepdims=True)


class SquaredError:
    def forward(self, output, target):
        self.error = output - target
        return output, float(np.mean(self.error**2))

    def backward(self):
        return 2 * self.error / self.error.size


class LossInside:
    """A forward pass that is given the targets, and a backward pass that is given nothing."""

    def __init__(self) -> None:
        self.first, self.act, self.last = KeepsGradients(4, 5), TanhLayer(), KeepsGradients(5, 3)
        self.loss = SquaredError()

    def weights(self):
        return [self.first.weight, self.first.bias, self.last.weight, self.last.bias]

    def forward(self, input, target):
        h = self.act.forward_propagation(self.first.forward(input))
        return self.loss.forward(self.last.forward(h), target)

    def backward(self):
        g = self.act.backward_propagation(self.last.backward(self.loss.backward()), 0.0)
        self.first.backward(g)
