"""right: layers as functions over images with channels last, with their settings in a dictionary."""

import numpy as np


def zero_pad(X, pad):
    return np.pad(X, ((0, 0), (pad, pad), (pad, pad), (0, 0)))


def conv_forward(A_prev, W, b, hparameters):
    f, stride, pad = W.shape[0], hparameters["stride"], hparameters["pad"]
    A = zero_pad(A_prev, pad)
    n_H, n_W = (A.shape[1] - f) // stride + 1, (A.shape[2] - f) // stride + 1
    Z = np.zeros((len(A), n_H, n_W, W.shape[3]))
    for h, w, c in np.ndindex(*Z.shape[1:]):
        patch = A[:, h * stride : h * stride + f, w * stride : w * stride + f, :]
        Z[:, h, w, c] = np.sum(patch * W[:, :, :, c], axis=(1, 2, 3)) + b[:, :, :, c].item()
    return Z, (A_prev, W, b, hparameters)


def conv_backward(dZ, cache):
    A_prev, W, b, hparameters = cache
    f, stride, pad = W.shape[0], hparameters["stride"], hparameters["pad"]
    A = zero_pad(A_prev, pad)
    dA, dW, db = np.zeros_like(A), np.zeros_like(W), np.zeros_like(b)
    for i, h, w, c in np.ndindex(*dZ.shape):
        rows, columns = (slice(n * stride, n * stride + f) for n in (h, w))
        dA[i, rows, columns] += W[:, :, :, c] * dZ[i, h, w, c]
        dW[:, :, :, c] += A[i, rows, columns] * dZ[i, h, w, c]
        db[:, :, :, c] += dZ[i, h, w, c]
    return dA[:, pad:-pad, pad:-pad, :], dW, db


def pool_forward(A_prev, hparameters):
    f, stride = hparameters["f"], hparameters["stride"]
    n_H, n_W = (A_prev.shape[1] - f) // stride + 1, (A_prev.shape[2] - f) // stride + 1
    A = np.zeros((len(A_prev), n_H, n_W, A_prev.shape[3]))
    for h, w in np.ndindex(n_H, n_W):
        patch = A_prev[:, h * stride : h * stride + f, w * stride : w * stride + f]
        A[:, h, w] = patch.max(axis=(1, 2))
    return A, (A_prev, hparameters)


def pool_backward(dA, cache):
    A_prev, hparameters = cache
    f, stride = hparameters["f"], hparameters["stride"]
    dA_prev = np.zeros_like(A_prev)
    for i, h, w, c in np.ndindex(*dA.shape):
        window = (i, slice(h * stride, h * stride + f), slice(w * stride, w * stride + f), c)
        place = np.unravel_index(A_prev[window].argmax(), (f, f))
        dA_prev[window][place] += dA[i, h, w, c]
    return dA_prev
