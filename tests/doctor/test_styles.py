"""Code in the styles of labs that the specimens do not have, right and wrong, and what the doctor
does without an example."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sweep import some_long

import chainrule as cr
from chainrule.doctor.diagnosis import diagnose_file
from chainrule.doctor.intake.request import Request
from chainrule.doctor.process.judge import judge_file
from chainrule.errors import CheckError
from chainrule.sandbox.limits import Limits

NIELSEN = """
import numpy as np

def sigmoid(z):
    return 1.0 / (1.0 + np.exp(-z))

def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))

class Network:
    def __init__(self, sizes):
        self.biases = [np.random.randn(y, 1) for y in sizes[1:]]
        self.weights = [np.random.randn(y, x) for x, y in zip(sizes[:-1], sizes[1:])]

    def feedforward(self, a):
        for b, w in zip(self.biases, self.weights):
            a = sigmoid(np.dot(w, a) + b)
        return a

    def backprop(self, x, y):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros(w.shape) for w in self.weights]
        activations, zs = [x], []
        for b, w in zip(self.biases, self.weights):
            zs.append(np.dot(w, activations[-1]) + b)
            activations.append(sigmoid(zs[-1]))
        delta = (activations[-1] - y) * sigmoid_prime(zs[-1])
        nabla_b[-1], nabla_w[-1] = delta, np.dot(delta, activations[-2].T)
        for l in range(2, len(self.weights) + 1):
            delta = np.dot(self.weights[-l + 1].T, delta) * sigmoid_prime(zs[-l])
            nabla_b[-l], nabla_w[-l] = delta, np.dot(delta, activations[-l - 1].T)
        return nabla_b, nabla_w
"""

COST = """
def quadratic_cost(y_true, y_pred):
    return 0.5 * np.sum((y_pred - y_true) ** 2)
"""

AFFINE = """
import numpy as np

def affine_forward(x, w, b):
    return x.reshape(len(x), -1).dot(w) + b, (x, w, b)

def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(len(x), -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db

def example(rng):
    params = {"w": rng.normal(size=(12, 5)), "b": rng.normal(size=5)}
    x = rng.normal(size=(3, 3, 4))
    return {"forward": affine_forward, "backward": affine_backward, "params": params, "x": x}
"""

LOSS_AND_GRADIENTS = """
import numpy as np

class TwoLayerNet:
    def __init__(self, input_size, hidden_size, output_size, reg=0.1):
        self.params = {"W1": 0.5 * np.random.randn(input_size, hidden_size),
                       "b1": np.zeros(hidden_size),
                       "W2": 0.5 * np.random.randn(hidden_size, output_size),
                       "b2": np.zeros(output_size)}
        self.reg = reg

    def loss(self, X, y):
        W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
        h = np.maximum(0, X.dot(W1) + b1)
        scores = h.dot(W2) + b2
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        probs = e / e.sum(axis=1, keepdims=True)
        loss = -np.log(probs[np.arange(len(X)), y]).mean()
        loss += self.reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        dscores = (probs - np.eye(probs.shape[1])[y]) / len(X)
        grads = {}
        grads["W2"] = h.T.dot(dscores) + 2 * self.reg * W2
        grads["b2"] = dscores.sum(axis=0)
        dh = dscores.dot(W2.T)
        dh[h <= 0] = 0
        grads["W1"] = X.T.dot(dh) + 2 * self.reg * W1
        grads["b1"] = dh.sum(axis=0)
        return loss, grads

def example(rng):
    x, y = rng.normal(size=(5, 4)), rng.integers(0, 3, 5)
    return {"layer": TwoLayerNet(4, 6, 3), "x": x, "y": y}
"""

ONE_AT_A_TIME = """
import numpy as np

class FCLayer:
    def __init__(self, input_size, output_size):
        self.weights = np.random.rand(input_size, output_size) - 0.5
        self.bias = np.random.rand(1, output_size) - 0.5

    def forward_propagation(self, input_data):
        self.input = input_data
        return np.dot(self.input, self.weights) + self.bias

    def backward_propagation(self, output_error, learning_rate):
        input_error = np.dot(output_error, self.weights.T)
        weights_error = np.dot(self.input.T, output_error)
        self.weights -= learning_rate * weights_error
        self.bias -= learning_rate * output_error
        return input_error
"""

PAIRS = """
import numpy as np

def relu(x):
    return np.maximum(0, x)

def relu_derivative(x):
    return (x > 0).astype(float)

def binary_cross_entropy(y_true, y_pred):
    return np.mean(-y_true * np.log(y_pred) - (1 - y_true) * np.log(1 - y_pred))

def binary_cross_entropy_prime(y_true, y_pred):
    return ((1 - y_true) / (1 - y_pred) - y_true / y_pred) / np.size(y_true)
"""

CONVOLUTION = """
import numpy as np

class Conv2D:
    def __init__(self, in_channels, out_channels, kernel_size, stride=1):
        self.k, self.stride = kernel_size, stride
        self.weights = np.random.randn(out_channels, in_channels, kernel_size, kernel_size)

    def forward(self, x):
        self.x, k, s = x, self.k, self.stride
        rows, columns = (x.shape[2] - k) // s + 1, (x.shape[3] - k) // s + 1
        out = np.zeros((len(x), len(self.weights), rows, columns))
        for i in range(rows):
            for j in range(columns):
                patch = x[:, :, i * s : i * s + k, j * s : j * s + k]
                out[:, :, i, j] = np.einsum("nchw,fchw->nf", patch, self.weights)
        return out

    def backward(self, d_out):
        x, k, s = self.x, self.k, self.stride
        dx, self.d_weights = np.zeros_like(x), np.zeros_like(self.weights)
        for i in range(d_out.shape[2]):
            for j in range(d_out.shape[3]):
                g = d_out[:, :, i, j]
                patch = x[:, :, i * s : i * s + k, j * s : j * s + k]
                self.d_weights += np.einsum("nf,nchw->fchw", g, patch)
                dx[:, :, i * s : i * s + k, j * s : j * s + k] += np.einsum(
                    "nf,fchw->nchw", g, self.weights
                )
        return dx
"""

RIGHT = {
    "lists of weights, no loss given": NIELSEN,
    "lists of weights, and a loss": NIELSEN + COST,
    "functions with a cache": AFFINE,
    "one method for loss and gradients": LOSS_AND_GRADIENTS,
    "one example at a time": ONE_AT_A_TIME,
    "pairs of functions": PAIRS,
    "a convolution without an example": CONVOLUTION,
}

WRONG = {
    "no derivative in the loop": (
        NIELSEN,
        "np.dot(self.weights[-l + 1].T, delta) * sigmoid_prime(zs[-l])",
        "np.dot(self.weights[-l + 1].T, delta)",
        "missing-activation-derivative",
    ),
    "the derivative takes what went in for what came out": (
        NIELSEN + COST,
        "return sigmoid(z) * (1 - sigmoid(z))",
        "return z * (1 - z)",
        "derivative-at-wrong-point",
    ),
    "averaged": (AFFINE, "np.sum(dout, axis=0)", "np.mean(dout, axis=0)", "batch-scale"),
    "half the regularizer": (
        LOSS_AND_GRADIENTS,
        "h.T.dot(dscores) + 2 * self.reg * W2",
        "h.T.dot(dscores) + self.reg * W2",
        "missing-regularizer",
    ),
    "no ReLU on the way back": (
        LOSS_AND_GRADIENTS,
        "        dh[h <= 0] = 0\n",
        "",
        "missing-activation-derivative",
    ),
    "updated first": (
        ONE_AT_A_TIME,
        "return input_error",
        "return np.dot(output_error, self.weights.T)",
        "stale-weights",
    ),
    "one patch": (CONVOLUTION, "self.d_weights += np", "self.d_weights = np", "partial-sum"),
    "a plus for a minus": (
        PAIRS,
        "return ((1 - y_true) / (1 - y_pred) - y_true / y_pred) / np.size(y_true)",
        "return (y_true / y_pred - (1 - y_true) / (1 - y_pred)) / np.size(y_true)",
        "sign",
    ),
}

# Their causes are found in tests/doctor/cases, too.
SEARCHED_LONG = {
    "no derivative in the loop",
    "the derivative takes what went in for what came out",
    "no ReLU on the way back",
}


def write(folder: Path, code: str) -> Path:
    file = folder / "lab.py"
    file.write_text(code, encoding="utf-8")
    return file


@pytest.mark.parametrize("code", RIGHT.values(), ids=RIGHT.keys())
def test_right_code_in_other_styles_passes(code: str, tmp_path: Path) -> None:
    diagnosis = diagnose_file(write(tmp_path, code))
    assert diagnosis.ok, str(diagnosis)
    assert all(each.right for each in diagnosis.comparisons)


@pytest.mark.parametrize("style", some_long(WRONG, lambda style: style in SEARCHED_LONG))
def test_wrong_code_in_other_styles_is_named(style: str, tmp_path: Path) -> None:
    code, right, wrong, cause = WRONG[style]
    assert code.count(right) == 1
    file = write(tmp_path, code.replace(right, wrong))
    findings = diagnose_file(file).findings
    assert cause in {finding.code for finding in findings}
    assert all(finding.code == cause for finding in findings if finding.certain)


TWO_CLASSES = """
import numpy as np

class Linear:
    def __init__(self, inputs, outputs):
        self.W = np.random.randn(inputs, outputs)

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = -self.x.T @ dy
        return dy @ self.W.T

class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y**2)
"""


def test_each_gradient_says_which_class_it_belongs_to(tmp_path: Path) -> None:
    diagnosis = diagnose_file(write(tmp_path, TWO_CLASSES))
    right = {"dx of Linear": True, "dW of Linear": False, "dx of Tanh": True}
    assert diagnosis.as_json()["gradients"] == right
    assert [finding.gradient for finding in diagnosis.findings] == ["dW of Linear"]
    assert (
        judge_file(Request(tmp_path / "lab.py"), Limits(60, 2048)).as_json()["gradients"] == right
    )


class Doubled:
    def forward(self, x):
        return 2 * x

    def backward(self, dy):
        return -2 * dy


def test_objects_functions_and_layers_are_diagnosed_in_this_process() -> None:
    x = np.random.default_rng(0).standard_normal((5, 4))
    assert [f.code for f in cr.check.diagnose(Doubled(), x).findings] == ["sign"]
    assert cr.check.diagnose((np.tanh, lambda x: 1 - np.tanh(x) ** 2), x).ok
    wrong = cr.check.diagnose((np.sin, np.exp), x)
    assert [f.code for f in wrong.findings] == ["wrong-activation-derivative"]


class Overwrites(cr.Dense):
    def backward(self, dy, x):
        self.dW[...] = x.T @ dy
        self.db[...] = dy.sum(axis=0)
        return dy @ self.W.T


class Spoils(cr.Tanh):
    def backward(self, dy, cache):
        dx = super().backward(dy, cache)
        dy *= 0.5
        return dx


@pytest.mark.parametrize(
    ("layer", "code"),
    [(Overwrites(3), "overwrites"), (Spoils(), "mutates-input")],
)
def test_the_promises_of_chainrules_layers_are_held_to(layer: cr.Layer, code: str) -> None:
    x = np.random.default_rng(0).standard_normal((5, 4))
    assert code in {finding.code for finding in cr.check.diagnose(layer, x).findings}


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ({"layer": Doubled}, "is the class Doubled: give an object"),
        ({"layer": object(), "x": np.ones(3)}, "object has no forward method"),
        ({"layer": Doubled()}, 'has no "x"'),
        ({}, "neither a layer, nor forward and backward"),
        ({"optimizer": object(), "params": {}}, 'needs "params" and "grads"'),
    ],
)
def test_what_cannot_be_checked_says_why(example: dict[str, object], message: str) -> None:
    with pytest.raises(CheckError, match=message):
        cr.check.diagnose(example)
