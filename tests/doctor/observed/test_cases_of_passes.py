"""right: functions that only give numbers to test a pass with have its name in theirs."""

import numpy as np


def forward_propagation_test_case():
    np.random.seed(1)
    X = np.random.randn(2, 3)
    parameters = {"W1": np.random.randn(4, 2), "b1": np.random.randn(4, 1)}
    parameters |= {"W2": np.random.randn(1, 4), "b2": np.random.randn(1, 1)}
    return X, parameters


def backward_propagation_test_case():
    np.random.seed(2)
    X, parameters = forward_propagation_test_case()
    Y = np.array([[1, 0, 1]])
    return parameters, {"A1": np.random.randn(4, 3), "A2": np.random.rand(1, 3)}, X, Y


def forward_propagation(X, parameters):
    A1 = np.tanh(parameters["W1"] @ X + parameters["b1"])
    A2 = 1 / (1 + np.exp(-(parameters["W2"] @ A1 + parameters["b2"])))
    return A2, {"A1": A1, "A2": A2}


def backward_propagation(parameters, cache, X, Y):
    m = X.shape[1]
    dZ2 = cache["A2"] - Y
    dZ1 = parameters["W2"].T @ dZ2 * (1 - cache["A1"] ** 2)
    return {
        "dW2": dZ2 @ cache["A1"].T / m,
        "db2": dZ2.sum(axis=1, keepdims=True) / m,
        "dW1": dZ1 @ X.T / m,
        "db1": dZ1.sum(axis=1, keepdims=True) / m,
    }


X, parameters = forward_propagation_test_case()
A2, cache = forward_propagation(X, parameters)
print(A2)
parameters, cache, X, Y = backward_propagation_test_case()
print(backward_propagation(parameters, cache, X, Y))
for step in range(100):
    A2, cache = forward_propagation(X, parameters)
    grads = backward_propagation(parameters, cache, X, Y)
    parameters = {name: parameters[name] - 0.5 * grads["d" + name] for name in parameters}
