"""Layers that compute y = x W or something near it, each in another turn of phrase."""

from __future__ import annotations

import math

import numpy as np

import chainrule as cr

FACTORS = np.array([1.0, 2.0, 0.5, 4.0])


class Idiom(cr.Layer):
    """y = x W + b, the plain one."""

    def setup(self, input_shape):
        self.declare("W", (input_shape[-1], input_shape[-1]), "he")
        self.declare("b", input_shape)
        return input_shape

    def forward(self, x, training=False):
        return x @ self.W + self.b, x

    def backward(self, dy, x):
        self.dW += x.T @ dy
        self.db += dy.sum(axis=0)
        return dy @ self.W.T


class Einsum(Idiom):
    def forward(self, x, training=False):
        return np.einsum("ni,io->no", x, self.W), x

    def backward(self, dy, x):
        self.dW += np.einsum("ni,no->io", x, dy)
        self.db += 0
        return np.einsum("no,io->ni", dy, self.W)


class MaskedStore(Idiom):
    def forward(self, x, training=False):
        y = x @ self.W
        y[y < 0] = 0
        return y, (x, y)

    def backward(self, dy, cache):
        x, y = cache
        dy = dy.copy()
        dy[y <= 0] = 0
        self.dW += x.T @ dy
        return dy @ self.W.T


class OutArgument(Idiom):
    def forward(self, x, training=False):
        y = np.empty_like(x)
        np.matmul(x, self.W, out=y)
        return y, x


class Reversed(Idiom):
    def forward(self, x, training=False):
        return x[:, ::-1] @ self.W, x[:, ::-1]

    def backward(self, dy, x):
        return super().backward(dy, x)[:, ::-1]


class ConstantsAround(Idiom):
    def forward(self, x, training=False):
        scale = 1 / math.sqrt(self.W.shape[0])
        return (x * FACTORS) @ self.W * scale, x * FACTORS

    def backward(self, dy, x):
        scale = 1 / math.sqrt(self.W.shape[0])
        return super().backward(dy * scale, x) * FACTORS


class DictionaryCache(Idiom):
    def forward(self, x, training=False):
        return x @ self.W, {"x": x, "count": len(x)}

    def backward(self, dy, cache):
        x = cache["x"]
        self.dW += x.T @ dy / cache["count"] * cache["count"]
        return dy @ self.W.T


class TwoNamesForOne(Idiom):
    def forward(self, x, training=False):
        a = b = x @ self.W
        a = a + 1
        return a * b, (x, a, b)

    def backward(self, dy, cache):
        x, a, b = cache
        g = dy * (a + b)
        return super().backward(g, x)


class ColumnByColumn(Idiom):
    def forward(self, x, training=False):
        return np.stack([x @ self.W[:, i] for i in range(self.W.shape[1])], axis=1), x


class EntryByEntry(Idiom):
    def forward(self, x, training=False):
        count, features = x.shape
        y = np.zeros((count, features), dtype=x.dtype)
        for j in range(features):
            y[:, j] = (x * self.W[:, j]).sum(axis=1)
        return y, x

    def backward(self, dy, x):
        features = x.shape[1]
        dx = np.zeros_like(x)
        for j in range(features):
            for i in range(features):
                self.dW[i, j] += (x[:, i] * dy[:, j]).sum()
                dx[:, i] += dy[:, j] * self.W[i, j]
        return dx


class ChecksAndNames(Idiom):
    def forward(self, x, training=False):
        assert x.ndim == 2, "flat"
        if x.ndim != 2:
            raise ValueError(f"not flat: {x.shape}")
        if np.isnan(x).any():
            raise ValueError("not a number")
        *_, features = x.shape
        extra = None
        if extra is None and 0 < features < 100:
            extra = self.b
        z = (y := x.reshape(-1, features) @ self.W) + extra
        del y
        return z, x


class RefusesOneExample(Idiom):
    def forward(self, x, training=False):
        if len(x) < 2:
            raise ValueError("needs two examples")
        return super().forward(x, training)


IDIOMS = (
    *(Einsum, MaskedStore, OutArgument, Reversed, ConstantsAround, DictionaryCache),
    *(TwoNamesForOne, ColumnByColumn, EntryByEntry, ChecksAndNames, RefusesOneExample),
)
