"""right: a step of an LSTM over a dictionary, in columns, and a whole sequence of such steps."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm_cell_forward(xt, a_prev, c_prev, parameters):
    joined = np.vstack([a_prev, xt])
    f = sigmoid(parameters["Wf"] @ joined + parameters["bf"])
    i = sigmoid(parameters["Wi"] @ joined + parameters["bi"])
    g = np.tanh(parameters["Wc"] @ joined + parameters["bc"])
    o = sigmoid(parameters["Wo"] @ joined + parameters["bo"])
    c_next = f * c_prev + i * g
    a_next = o * np.tanh(c_next)
    cache = (a_prev, c_prev, c_next, f, i, g, o, joined, parameters)
    return a_next, c_next, cache


def lstm_cell_backward(da_next, dc_next, cache):
    a_prev, c_prev, c_next, f, i, g, o, joined, parameters = cache
    d_o = da_next * np.tanh(c_next) * o * (1 - o)
    dc = dc_next + da_next * o * (1 - np.tanh(c_next) ** 2)
    d_g = dc * i * (1 - g**2)
    d_i = dc * g * i * (1 - i)
    d_f = dc * c_prev * f * (1 - f)
    gradients = {}
    djoined = 0
    for gate, d in (("f", d_f), ("i", d_i), ("c", d_g), ("o", d_o)):
        gradients["dW" + gate] = d @ joined.T
        gradients["db" + gate] = d.sum(axis=1, keepdims=True)
        djoined = djoined + parameters["W" + gate].T @ d
    size = a_prev.shape[0]
    gradients["da_prev"] = djoined[:size]
    gradients["dxt"] = djoined[size:]
    gradients["dc_prev"] = dc * f
    return gradients


def lstm_forward(x, a0, parameters):
    a_next, c_next, caches, states = a0, np.zeros_like(a0), [], []
    for t in range(x.shape[2]):
        a_next, c_next, cache = lstm_cell_forward(x[:, :, t], a_next, c_next, parameters)
        caches.append(cache)
        states.append(a_next)
    a = np.stack(states, axis=2)
    return a, caches


def lstm_backward(da, caches):
    da_prev, dc_prev, found, dx = 0, 0, {}, []
    for t in reversed(range(len(caches))):
        step = lstm_cell_backward(da[:, :, t] + da_prev, dc_prev, caches[t])
        da_prev, dc_prev = step.pop("da_prev"), step.pop("dc_prev")
        dx.insert(0, step.pop("dxt"))
        for name, gradient in step.items():
            found[name] = found.get(name, 0) + gradient
    return {**found, "dx": np.stack(dx, axis=2), "da0": da_prev}
