"""right: layers as functions that are handed their arrays, sizes, and dictionaries of settings."""

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
            dW += np.einsum("nf,nchw->fchw", g, patch)
            dx[:, :, top : top + rows, left : left + columns] += np.einsum(
                "nf,fchw->nchw", g, weights
            )
    db = d_out.sum(axis=(0, 2, 3))
    return dx[:, :, padding:-padding, padding:-padding], dW, db


def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward(d_out, cache):
    return d_out * (cache > 0)


def linear_forward(x, weights, bias):
    return x @ weights.T + bias, (x, weights)


def linear_backward(d_out, cache):
    x, weights = cache
    return d_out @ weights, d_out.T @ x, d_out.sum(axis=0)


def norm_forward_naive(x, gamma, beta, norm_param):
    eps = norm_param.get("eps", 1e-5)
    mean, std = x.mean(axis=0), np.sqrt(x.var(axis=0) + eps)
    norm_param["mean"] = mean
    normal = (x - mean) / std
    return gamma * normal + beta, (normal, gamma, std)


def norm_backward_naive(dout, cache):
    normal, gamma, std = cache
    dnormal = dout * gamma
    dx = (dnormal - dnormal.mean(axis=0) - normal * (dnormal * normal).mean(axis=0)) / std
    dgamma, dbeta = (dout * normal).sum(axis=0), dout.sum(axis=0)
    return dx, dgamma, dbeta


def max_pool_forward_naive(x, pool_param):
    size, stride = pool_param["pool_size"], pool_param["stride"]
    height, width = (x.shape[2] - size) // stride + 1, (x.shape[3] - size) // stride + 1
    out = np.zeros((*x.shape[:2], height, width))
    for i in range(height):
        for j in range(width):
            top, left = i * stride, j * stride
            out[:, :, i, j] = x[:, :, top : top + size, left : left + size].max(axis=(2, 3))
    return out, (x, pool_param)


def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    size, stride = pool_param["pool_size"], pool_param["stride"]
    dx = np.zeros_like(x)
    for n, c, i, j in np.ndindex(*dout.shape):
        window = (n, c, slice(i * stride, i * stride + size), slice(j * stride, j * stride + size))
        place = np.unravel_index(x[window].argmax(), x[window].shape)
        dx[window][place] += dout[n, c, i, j]
    return dx
