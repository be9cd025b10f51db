"""wrong partial-sum: a convolution as functions, of whose patches the last alone counts."""

import numpy as np


def conv2d_forward(x, weights, bias, stride, padding):
    _, _, rows, columns = weights.shape
    padded = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    height = (padded.shape[2] - rows) // stride + 1
    width = (padded.shape[3] - columns) // stride + 1
    out = np.zeros((len(x), len(weights), height, width))
    for i in range(height):
        for j in range(width):
            top, left = i * stride, j * stride
            patch = padded[:, :, top : top + rows, left : left + columns]
            out[:, :, i, j] = np.einsum("nchw,fchw->nf", patch, weights) + bias
    return out, {"x": padded, "weights": weights, "stride": stride, "padding": padding}


def conv2d_backward(d_out, cache):
    x, weights, stride, padding = (cache[key] for key in ("x", "weights", "stride", "padding"))
    _, _, rows, columns = weights.shape
    dx, dW = np.zeros_like(x), np.zeros_like(weights)
    for i in range(d_out.shape[2]):
        for j in range(d_out.shape[3]):
            top, left, g = i * stride, j * stride, d_out[:, :, i, j]
            patch = x[:, :, top : top + rows, left : left + columns]
            dW = np.einsum("nf,nchw->fchw", g, patch)
            dx[:, :, top : top + rows, left : left + columns] += np.einsum(
                "nf,fchw->nchw", g, weights
            )
    db = d_out.sum(axis=(0, 2, 3))
    return dx[:, :, padding:-padding, padding:-padding], dW, db
