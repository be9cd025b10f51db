"""One class with two hidden layers, an activation by its name, and a method for each step."""

import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def derivative_sigmoid(y):
    return y * (1.0 - y)


def tanh(x):
    return np.tanh(x)


def derivative_tanh(y):
    return 1.0 - y**2


class two_layer_network:
    def __init__(self, inputs, hidden_1, hidden_2, outputs, learning_rate, weight_initialization):
        scale = 1.0 if weight_initialization == "normal" else 0.01
        self.w1 = scale * np.random.randn(inputs, hidden_1)
        self.w2 = scale * np.random.randn(hidden_1, hidden_2)
        self.w3 = scale * np.random.randn(hidden_2, outputs)
        self.learning_rate = learning_rate

    def forward_pass(self, x, activation):
        act = {"sigmoid": sigmoid, "tanh": tanh}[activation]
        self.a1 = act(np.dot(x, self.w1))
        self.a2 = act(np.dot(self.a1, self.w2))
        self.pred_y = act(np.dot(self.a2, self.w3))
        return self.pred_y

    def MSE_loss(self, ground_truth):
        return np.mean((self.pred_y - ground_truth) ** 2)

    def backward_pass(self, ground_truth, activation):
        d = {"sigmoid": derivative_sigmoid, "tanh": derivative_tanh}[activation]
        self.c_z3 = d(self.pred_y) * 2 * (self.pred_y - ground_truth) / len(ground_truth)
        self.c_z2 = d(self.a2) * np.dot(self.c_z3, self.w3.T)
        self.c_z1 = d(self.a1) * np.dot(self.c_z2, self.w2.T)

    def gradient(self, x):
        self.c_w1 = np.clip(np.dot(x.T, self.c_z1), -1024.0, 1023.0)
        self.c_w2 = np.clip(np.dot(self.a1.T, self.c_z2), -1024.0, 1023.0)
        self.c_w3 = np.clip(np.dot(self.a2.T, self.c_z3), -1024.0, 1023.0)

    def update(self):
        self.w1 = self.w1 - self.learning_rate * self.c_w1
        self.w2 = self.w2 - self.learning_rate * self.c_w2
        self.w3 = self.w3 - self.learning_rate * self.c_w3
