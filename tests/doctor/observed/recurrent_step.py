"""right: a step of a recurrent network, whose functions a run calls."""

import numpy as np


def rnn_step_forward(x, prev_h, Wx, Wh, b):
    next_h = np.tanh(x @ Wx + prev_h @ Wh + b)
    return next_h, (x, prev_h, Wx, Wh, next_h)


def rnn_step_backward(dnext_h, cache):
    x, prev_h, Wx, Wh, next_h = cache
    da = dnext_h * (1 - next_h**2)
    dx = da @ Wx.T
    dprev_h = da @ Wh.T
    dWx = x.T @ da
    dWh = prev_h.T @ da
    db = da.sum(axis=0)
    return dx, dprev_h, dWx, dWh, db


rng = np.random.default_rng(0)
x, state, y = rng.normal(size=(5, 4)), np.zeros((5, 3)), rng.normal(size=(5, 3))
Wx, Wh, b = rng.normal(size=(4, 3)), rng.normal(size=(3, 3)), np.zeros(3)
for _ in range(20):
    h, cache = rnn_step_forward(x, state, Wx, Wh, b)
    dx, dstate, dWx, dWh, db = rnn_step_backward(h - y, cache)
    Wx -= 0.1 * dWx
    Wh -= 0.1 * dWh
    b -= 0.1 * db
