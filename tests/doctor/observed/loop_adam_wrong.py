"""wrong missing-activation-derivative: a network in a loop at top level, whose updates are Adam's, written out."""

import numpy as np

np.random.seed(3)
X = np.random.randn(64, 6)
Y = (X[:, :1] * X[:, 1:2] > 0).astype(float)

params = {
    "W1": np.random.randn(6, 8) * 0.4,
    "b1": np.zeros((1, 8)),
    "W2": np.random.randn(8, 1) * 0.4,
    "b2": np.zeros((1, 1)),
}
m = {name: np.zeros_like(value) for name, value in params.items()}
v = {name: np.zeros_like(value) for name, value in params.items()}
lr, beta1, beta2, eps = 0.01, 0.9, 0.999, 1e-8

for t in range(1, 3001):
    Z1 = X @ params["W1"] + params["b1"]
    A1 = np.tanh(Z1)
    Z2 = A1 @ params["W2"] + params["b2"]
    A2 = 1 / (1 + np.exp(-Z2))
    loss = -np.mean(Y * np.log(A2) + (1 - Y) * np.log(1 - A2))

    grads = {}
    dZ2 = (A2 - Y) / len(X)
    grads["W2"] = A1.T @ dZ2
    grads["b2"] = dZ2.sum(axis=0, keepdims=True)
    dZ1 = dZ2 @ params["W2"].T
    grads["W1"] = X.T @ dZ1
    grads["b1"] = dZ1.sum(axis=0, keepdims=True)

    for name in params:
        m[name] = beta1 * m[name] + (1 - beta1) * grads[name]
        v[name] = beta2 * v[name] + (1 - beta2) * grads[name] ** 2
        m_hat = m[name] / (1 - beta1**t)
        v_hat = v[name] / (1 - beta2**t)
        params[name] -= lr * m_hat / (np.sqrt(v_hat) + eps)

    if t % 500 == 0:
        print(t, loss)
