"""784-64-10 in the lab: leaky ReLU, softmax with cross-entropy, gradients next to outputs."""

import numpy as np

SLOPE = 0.1


def leaky_relu(z):
    return np.where(z > 0, z, SLOPE * z)


def leaky_relu_grad(z):
    return np.where(z > 0, 1.0, SLOPE)


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def forward_pass(x, params):
    params["A0"] = x
    params["S1"] = x @ params["W1"].T + params["b1"]
    params["A1"] = leaky_relu(params["S1"])
    params["S2"] = params["A1"] @ params["W2"].T + params["b2"]
    params["A2"] = np.exp(log_softmax(params["S2"]))
    return params["A2"]


def total_loss(y_true, params):
    weights = np.sum(params["W1"] ** 2) + np.sum(params["W2"] ** 2)
    return -np.sum(y_true * np.log(params["A2"])) / len(y_true) + 0.05 * weights


def backward_pass(x, y_true, params):
    n = len(x)
    grads = {"dS2": (params["A2"] - y_true) / n}
    grads["dW2"] = np.einsum("no,ni->oi", grads["dS2"], params["A1"]) + 0.1 * params["W2"]
    grads["db2"] = grads["dS2"].sum(axis=0)
    grads["dA1"] = grads["dS2"] @ params["W2"]
    grads["dS1"] = grads["dA1"] * leaky_relu_grad(params["S1"])
    grads["dW1"] = np.einsum("no,ni->oi", grads["dS1"], params["A0"]) + 0.1 * params["W1"]
    grads["db1"] = grads["dS1"].sum(axis=0)
    return grads


def example(rng):
    params = {
        "W1": rng.normal(size=(6, 10)) * 0.4,
        "b1": rng.normal(size=6) * 0.1,
        "W2": rng.normal(size=(4, 6)) * 0.4,
        "b2": rng.normal(size=4) * 0.1,
    }
    return {
        "forward": forward_pass,
        "backward": backward_pass,
        "params": params,
        "loss": total_loss,
        "x": rng.random((5, 10)),
        "y": np.eye(4)[rng.integers(0, 4, 5)],
    }
