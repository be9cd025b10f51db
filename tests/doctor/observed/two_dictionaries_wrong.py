"""wrong derivative-at-wrong-point: functions over a dictionary of weights and one of biases, an example at a time."""

import numpy as np

rng = np.random.default_rng(1)
weights = {"h": rng.normal(size=(5, 6)) * 0.5, "out": rng.normal(size=(6, 3)) * 0.5}
biases = {"h": np.zeros(6), "out": np.zeros(3)}


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def dsigmoid(z):
    return sigmoid(z) * (1 - sigmoid(z))


def feed_forward_sample(sample, weights, biases):
    z = sample @ weights["h"] + biases["h"]
    scores = np.exp(sigmoid(z) @ weights["out"] + biases["out"])
    return {"z": z, "h": sigmoid(z), "out": scores / scores.sum()}


def backpropagation(sample, label_one_hot, activations, weights):
    error_out = activations["out"] - label_one_hot
    error_h = weights["out"] @ error_out * dsigmoid(activations["h"])
    weight_gradients = {
        "h": np.outer(sample, error_h),
        "out": np.outer(activations["h"], error_out),
    }
    return weight_gradients, {"h": error_h, "out": error_out}


for epoch in range(20):
    for sample, label in zip(rng.normal(size=(30, 5)), np.arange(30) % 3):
        activations = feed_forward_sample(sample, weights, biases)
        one_hot = np.eye(3)[label]
        by_weight, by_bias = backpropagation(sample, one_hot, activations, weights)
        for layer in weights:
            weights[layer] -= 0.1 * by_weight[layer]
            biases[layer] -= 0.1 * by_bias[layer]
