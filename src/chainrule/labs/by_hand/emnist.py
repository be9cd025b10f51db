"""Layers that keep their gradients, a layer for softmax with its loss, and a network of them."""

import numpy as np


class FullyConnected:
    def __init__(self, in_features, out_features):
        self.weight = np.random.randn(in_features, out_features) * 0.01
        self.bias = np.zeros((1, out_features))

    def forward(self, input):
        self.input = input
        return np.dot(input, self.weight) + self.bias

    def backward(self, output_grad):
        self.weight_grad = np.dot(self.input.T, output_grad)
        self.bias_grad = np.sum(output_grad, axis=0, keepdims=True)
        return np.dot(output_grad, self.weight.T)


class ReLU:
    def forward(self, input):
        self.mask = input > 0
        return input * self.mask

    def backward(self, output_grad):
        return output_grad * self.mask


class SoftmaxWithloss:
    def forward(self, input, target):
        e = np.exp(input - input.max(axis=1, keepdims=True))
        self.predict = e / e.sum(axis=1, keepdims=True)
        self.target = target
        loss = -np.sum(target * np.log(self.predict + 1e-12)) / len(input)
        return self.predict, loss

    def backward(self):
        return (self.predict - self.target) / len(self.target)


class Network:
    def __init__(self):
        self.fc1 = FullyConnected(28 * 28, 60)
        self.act1 = ReLU()
        self.fc2 = FullyConnected(60, 47)
        self.loss = SoftmaxWithloss()

    def forward(self, input, target):
        h1 = self.fc1.forward(input)
        a1 = self.act1.forward(h1)
        h2 = self.fc2.forward(a1)
        return self.loss.forward(h2, target)

    def backward(self):
        h2_grad = self.loss.backward()
        a1_grad = self.fc2.backward(h2_grad)
        h1_grad = self.act1.backward(a1_grad)
        self.fc1.backward(h1_grad)

    def update(self, lr):
        for layer in (self.fc1, self.fc2):
            layer.weight -= lr * layer.weight_grad
            layer.bias -= lr * layer.bias_grad
