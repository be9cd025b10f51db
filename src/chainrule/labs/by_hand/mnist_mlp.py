"""Two functions over one dictionary; columns are examples, and backward starts from the targets."""

import numpy as np


def relu(x):
    return np.where(x > 0, x, 0)


def d_relu(x):
    return np.where(x > 0, 1, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def d_sigmoid(x):
    e = np.exp(-x)
    return e / (1 + e) ** 2


def softmax(x):
    e = np.exp(x)
    return e / np.sum(e, axis=0)


def forward_pass(x, params):
    params["S1"] = np.dot(params["W1"], x) + params["b1"]
    params["A1"] = relu(params["S1"])
    params["S2"] = np.dot(params["W2"], params["A1"]) + params["b2"]
    params["A2"] = sigmoid(params["S2"])
    params["S3"] = np.dot(params["W3"], params["A2"]) + params["b3"]
    params["A3"] = softmax(params["S3"])
    return params


def backward_pass(x, y_true, params):
    n = x.shape[1]
    dS3 = params["A3"] - y_true
    grads = {}
    grads["dW3"] = np.dot(dS3, params["A2"].T) / n
    grads["db3"] = np.sum(dS3, axis=1, keepdims=True) / n
    dS2 = np.dot(params["W3"].T, dS3) * d_sigmoid(params["S2"])
    grads["dW2"] = np.dot(dS2, params["A1"].T) / n
    grads["db2"] = np.sum(dS2, axis=1, keepdims=True) / n
    dS1 = np.dot(params["W2"].T, dS2) * d_relu(params["S1"])
    grads["dW1"] = np.dot(dS1, x.T) / n
    grads["db1"] = np.sum(dS1, axis=1, keepdims=True) / n
    return grads
