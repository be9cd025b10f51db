"""The second part of the two-layer lab: two layers of convolution, forward and backward, beside the
same written in loops."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

import chainrule as cr
from chainrule.experiments.document import Document
from chainrule.labs.lab import Claim
from chainrule.seeding import generator
from chainrule.types import Array

STRIDE, PADDING = 2, 1  # of the first layer


def compare_convolutions(document: Document, number: int, seed: int) -> Claim:
    """Two layers of convolution, forward and backward, as chainrule has them and in loops."""
    first = cr.Conv2D(8, 3, stride=STRIDE, padding=PADDING)
    layers = [first, cr.ReLU(), cr.Conv2D(8, 3), cr.ReLU()]
    network = cr.Network(layers, input_shape=(28, 28, 3), seed=seed, dtype="float64")
    rng = generator(seed, "convolution")
    x, dy = rng.normal(size=(10, 28, 28, 3)), rng.normal(size=(10, *network.output_shape))
    ours, our_seconds = timed(lambda: pass_through(network, x, dy), repeat=5)
    loops, loop_seconds = timed(lambda: pass_in_loops(network, x, dy), repeat=1)
    gap = max(float(np.abs(a - b).max()) for a, b in zip(ours, loops, strict=True))
    document.heading(f"{number}. Convolution against plain loops")
    document.paragraph(
        "Two layers of 8 kernels of 3x3, each followed by ReLU, over a batch of 10 images of "
        "28x28 with 3 channels, forward and backward, in double precision. The first has a stride "
        f"of {STRIDE} and a padding of {PADDING}. The loops go over example, row, column and "
        "kernel, as the formula is written."
    )
    document.table(
        ["", "forward and backward"],
        [["plain loops", f"{loop_seconds:.2f} s"], ["chainrule", f"{1000 * our_seconds:.1f} ms"]],
    )
    document.paragraph(
        f"Outputs and the gradients of x, W and b differ by {gap:.1e} at most: rounding."
    )
    return Claim(
        "two Conv2D + ReLU, forward and backward",
        "done, with no figure",
        f"{loop_seconds / our_seconds:.0f} times as fast as loops; largest difference {gap:.1e}",
        "one product of matrices does the work of four loops",
    )


def timed(function: Callable[[], list[Array]], repeat: int) -> tuple[list[Array], float]:
    """What a function returns, and the seconds of its fastest call."""
    seconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - began)
    return result, min(seconds)


def pass_through(network: cr.Network, x: Array, dy: Array) -> list[Array]:
    """The output, and the gradients of x and of the parameters."""
    network.gradients.flat[:] = 0
    y, caches = network.forward(x, training=True)
    dx = network.backward(dy, caches)
    return [y, dx, *network.gradients.values()]


def pass_in_loops(network: cr.Network, x: Array, dy: Array) -> list[Array]:
    """The same, with every sum written as a loop."""
    (W1, b1), (W2, b2) = (
        (network.parameters[f"{n}.W"], network.parameters[f"{n}.b"]) for n in (0, 2)
    )
    around = (PADDING, PADDING)
    x = np.pad(x, ((0, 0), around, around, (0, 0)))
    z1 = convolve(x, W1, b1, STRIDE)
    hidden = np.maximum(z1, 0)
    z2 = convolve(hidden, W2, b2)
    dhidden, dW2, db2 = convolve_backward(dy * (z2 > 0), hidden, W2)
    dx, dW1, db1 = convolve_backward(dhidden * (z1 > 0), x, W1, STRIDE)
    inner = slice(PADDING, -PADDING)
    return [np.maximum(z2, 0), dx[:, inner, inner], dW1, db1, dW2, db2]


def convolve(x: Array, W: Array, b: Array, stride: int = 1) -> Array:
    """y[n, r, c, o] = Σ x[n, s r + i, s c + j, k] W[i, j, k, o] + b[o], with a stride of s."""
    height, width, _, kernels = W.shape
    rows, columns = (x.shape[1] - height) // stride + 1, (x.shape[2] - width) // stride + 1
    y = np.empty((len(x), rows, columns, kernels))
    for n, r, c, o in np.ndindex(y.shape):
        top, left = stride * r, stride * c
        window = x[n, top : top + height, left : left + width]
        y[n, r, c, o] = (window * W[..., o]).sum() + b[o]
    return y


def convolve_backward(dy: Array, x: Array, W: Array, stride: int = 1) -> tuple[Array, Array, Array]:
    """dx, dW and db: each product of the forward sum hands dy to its two factors."""
    height, width, _, kernels = W.shape
    dx, dW, db = np.zeros_like(x), np.zeros_like(W), np.zeros(kernels)
    for n, r, c, o in np.ndindex(dy.shape):
        top, left = stride * r, stride * c
        window = (n, slice(top, top + height), slice(left, left + width))
        dx[window] += dy[n, r, c, o] * W[..., o]
        dW[..., o] += dy[n, r, c, o] * x[window]
        db[o] += dy[n, r, c, o]
    return dx, dW, db
