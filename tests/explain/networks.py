"""Networks to explain: those that a course draws on the blackboard, and layers of one's own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import chainrule as cr
from chainrule.layers.base import setup_child


class Scale(cr.Layer):
    """y = s x, as in the README."""

    def setup(self, input_shape):
        self.declare("s", input_shape, "ones")
        return input_shape

    def forward(self, x, training=False):
        return x * self.s, x

    def backward(self, dy, x):
        self.ds += (dy * x).sum(axis=0)
        return dy * self.s


def squash(x):
    return x / (1 + np.abs(x))


def dsquash(x):
    return 1 / (1 + np.abs(x)) ** 2


class WindowByWindow(cr.Layer):
    """A convolution with one kernel as one first writes it, position by position, squashed."""

    def __init__(self, kernel=3):
        self.kernel = kernel

    def setup(self, input_shape):
        height, width, channels = input_shape
        self.declare("K", (self.kernel, self.kernel, channels), "he")
        self.declare("c", (1,))
        return height - self.kernel + 1, width - self.kernel + 1, 1

    def forward(self, x, training=False):
        count, height, width, _ = x.shape
        k = self.kernel
        y = np.zeros((count, height - k + 1, width - k + 1, 1), dtype=x.dtype)
        for i in range(height - k + 1):
            for j in range(width - k + 1):
                window = x[:, i : i + k, j : j + k]
                y[:, i, j, 0] = (window * self.K).sum(axis=(1, 2, 3)) + self.c
        return squash(y), (x, y)

    def backward(self, dy, cache):
        x, y = cache
        g = dy * dsquash(y)
        dx = np.zeros_like(x)
        k = self.kernel
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                self.dK += (x[:, i : i + k, j : j + k] * g[:, i, j, :, None, None]).sum(axis=0)
                dx[:, i : i + k, j : j + k] += g[:, i, j, :, None, None] * self.K
        self.dc += g.sum()
        return dx


class ExampleByExample(cr.Layer):
    """y = x / sqrt(|x|² + 1), with a loop over the batch."""

    def forward(self, x, training=False):
        y = np.empty_like(x)
        for n in range(len(x)):
            y[n] = x[n] / np.sqrt((x[n] ** 2).sum() + 1)
        return y, x

    def backward(self, dy, x):
        dx = np.empty_like(x)
        for n in range(len(x)):
            r = np.sqrt((x[n] ** 2).sum() + 1)
            dx[n] = dy[n] / r - x[n] * (dy[n] * x[n]).sum() / r**3
        return dx


class Product(cr.Layer):
    """y = a(x) b(x): a container of one's own."""

    def __init__(self):
        self.a, self.b = cr.Dense(3), cr.Dense(3)

    def children(self):
        return {"a": self.a, "b": self.b}

    def setup(self, input_shape):
        setup_child("a", self.a, input_shape)
        return setup_child("b", self.b, input_shape)

    def forward(self, x, training=False):
        p, cache_a = self.a.forward(x, training)
        q, cache_b = self.b.forward(x, training)
        return p * q, (p, q, cache_a, cache_b)

    def backward(self, dy, cache):
        p, q, cache_a, cache_b = cache
        return self.a.backward(dy * q, cache_a) + self.b.backward(dy * p, cache_b)


class Noise(cr.Layer):
    """y = x + noise, drawn where the cache is returned."""

    random = True

    def forward(self, x, training=False):
        if not training:
            return x, None
        return x, self.rng.standard_normal(x.shape)

    def backward(self, dy, noise):
        return dy + noise


class Steps(cr.Layer):
    """Small steps toward tanh: a loop whose turns are written out, with a helper method and a
    property."""

    @property
    def rate(self):
        return self.h / 4

    def setup(self, input_shape):
        self.declare("h", (1,), "ones")
        return input_shape

    def slope(self, x):
        return np.tanh(x) - x

    def forward(self, x, training=False):
        kept = []
        for _ in range(3):
            kept.append(x)
            x = x + self.rate * self.slope(x)
        return x, kept

    def backward(self, dy, kept):
        for x in reversed(kept):
            self.dh += (dy * self.slope(x)).sum() / 4
            dy = dy + self.rate * dy * (1 - np.tanh(x) ** 2 - 1)
        return dy


class TwoBiases(cr.Layer):
    """y = x + a + b: both have the same gradient, but only one a penalty."""

    def setup(self, input_shape):
        self.declare("a", input_shape, "ones", cr.L2(0.5))
        self.declare("b", input_shape, "ones")
        return input_shape

    def forward(self, x, training=False):
        return x + self.a + self.b, None

    def backward(self, dy, cache):
        g = dy.sum(axis=0)
        self.da += g
        self.db += g
        return dy


class Doubled(cr.Layer):
    """y = 2 x + x², where a copy of x is changed in place and x itself is still needed."""

    def forward(self, x, training=False):
        y = np.empty_like(x)
        y[...] = x
        y *= 2
        return y + x * x, x

    def backward(self, dy, x):
        return 2 * dy * (1 + x)


def mlp() -> cr.Network:
    layers = [cr.Flatten(), cr.Dense(128), cr.ReLU(), cr.Dense(64), cr.ReLU(), cr.Dense(10)]
    return cr.Network(layers, (28, 28, 1), dtype="float64")


def lenet() -> cr.Network:
    layers = [
        *(cr.Conv2D(6, 5, padding="same"), cr.BatchNorm(), cr.Tanh(), cr.AveragePool2D(2)),
        *(cr.Conv2D(16, 5), cr.BatchNorm(), cr.Tanh(), cr.MaxPool2D(2), cr.Flatten()),
        *(cr.Dense(120), cr.Tanh(), cr.Dense(84), cr.Tanh(), cr.Dense(10)),
    ]
    return cr.Network(layers, (28, 28, 1), dtype="float64")


def residual() -> cr.Network:
    block = [
        *(cr.Conv2D(4, 3, padding=1, bias=False), cr.BatchNorm(), cr.ReLU()),
        *(cr.Conv2D(4, 3, padding=1, bias=False), cr.BatchNorm()),
    ]
    shrinking = cr.Residual([cr.Conv2D(6, 3, 2, 1), cr.ReLU()], shortcut=cr.Conv2D(6, 1, 2))
    layers = [cr.Conv2D(4, 3, padding=1), cr.ReLU(), cr.Residual(block), cr.ReLU(), shrinking]
    layers += [cr.GlobalAveragePool2D(), cr.Dense(10)]
    return cr.Network(layers, (6, 6, 1), dtype="float64")


def nested_residual() -> cr.Network:
    inner = cr.Residual([cr.Dense(4), cr.Tanh()])
    layers = [
        cr.Dense(4),
        cr.Residual([inner, cr.Dense(4)]),
        cr.Residual(cr.Identity()),
        cr.Dense(3),
    ]
    return cr.Network(layers, 3, dtype="float64")


def inception() -> cr.Network:
    thin = cr.Conv2D(2, 1)
    wide = [cr.Conv2D(2, 1), cr.ReLU(), cr.Conv2D(3, 3, padding="same")]
    layers = [cr.Concatenate([thin, wide, cr.Identity()]), cr.ReLU(), cr.Flatten(), cr.Dense(3)]
    return cr.Network(layers, (4, 4, 2), dtype="float64")


def with_dropout() -> cr.Network:
    layers = [cr.Dropout(0.2), cr.Dense(16), cr.ReLU(), cr.Dropout(0.5), cr.Dense(3)]
    return cr.Network(layers, 8, seed=3, dtype="float64")


def recipe() -> cr.Network:
    """A residual block as recipes for images have it: squeezed, and left out at random."""
    gate = [cr.GlobalAveragePool2D(), cr.Dense(2), cr.ReLU(), cr.Dense(4), cr.Sigmoid()]
    branch = [cr.Conv2D(4, 3, padding=1), cr.PReLU(), cr.SpatialDropout2D(0.2), cr.Gated(gate)]
    layers = [cr.Residual([*branch, cr.StochasticDepth(0.3)]), cr.Gated(cr.Tanh()), cr.PReLU()]
    return cr.Network([*layers, cr.Flatten(), cr.Dense(3)], (4, 4, 4), seed=2, dtype="float64")


def sequences() -> cr.Network:
    layers = [cr.Conv1D(4, 3, 2, "same"), cr.ReLU(), cr.Conv1D(4, 2, groups=2), cr.PReLU()]
    return cr.Network([*layers, cr.Flatten(), cr.Dense(3)], (9, 2), dtype="float64")


def shared() -> cr.Network:
    dense, norm = cr.Dense(4), cr.BatchNorm()
    layers = [dense, norm, cr.Tanh(), dense, norm, cr.Residual([dense, cr.Tanh()], shortcut=dense)]
    return cr.Network([*layers, cr.Dense(3)], 4, dtype="float64")


def grouped() -> cr.Network:
    layers = [
        cr.Conv2D(4, 3, padding=1, groups=2),
        cr.ReLU(),
        cr.ConvTranspose2D(2, 2, 2, groups=2),
    ]
    return cr.Network(
        [*layers, cr.LayerNorm(), cr.Flatten(), cr.Dense(3)], (4, 5, 2), dtype="float64"
    )


def regularized() -> cr.Network:
    layers = [
        cr.Dense(5, regularizer=cr.L2(0.1)),
        cr.Tanh(),
        cr.Dense(4, regularizer=cr.L1(0.2)),
        cr.Dense(3, regularizer=cr.WeightDecay(0.3)),
    ]
    return cr.Network(layers, 4, dtype="float64")


def of_own_layers() -> cr.Network:
    images = [WindowByWindow(), cr.Flatten(), Scale(), Noise(), Product(), ExampleByExample()]
    return cr.Network(
        [*images, Steps(), TwoBiases(), Doubled(), cr.Activation(squash, dsquash), cr.Dense(3)],
        (5, 4, 2),
        dtype="float64",
    )


NETWORKS: tuple[Callable[[], cr.Network], ...] = (
    mlp,
    lenet,
    residual,
    nested_residual,
    inception,
    with_dropout,
    recipe,
    sequences,
    shared,
    grouped,
    regularized,
    of_own_layers,
)
