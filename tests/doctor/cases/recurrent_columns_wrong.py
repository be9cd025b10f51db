"""wrong: a recurrent layer whose first state is a view of all states, and so no longer zero."""

import numpy as np


class RNN:
    def __init__(self, input_dimension, hidden_dimension):
        self.width, self.features = hidden_dimension, input_dimension
        self._Wa = np.random.uniform(-1, 1, (input_dimension + hidden_dimension, hidden_dimension))
        self._ba = np.random.random((hidden_dimension, 1))

    def forward(self, input):
        states = np.zeros((self.width, input.shape[1], input.shape[-1]))
        state = self._a0 = states[:, :, 0]
        for t in range(input.shape[-1]):
            joined = np.concatenate((input[:, :, t], state))
            state = np.tanh(self._Wa.T @ joined + self._ba)
            states[:, :, t] = state
        return states

    def backward(self, input, gradOutput, backprop_cache):
        self._dWa, self._dba = np.zeros_like(self._Wa), np.zeros_like(self._ba)
        din, dstate = np.zeros(input.shape), np.zeros((self.width, input.shape[1]))
        for t in reversed(range(input.shape[-1])):
            before = backprop_cache[:, :, t - 1] if t else self._a0
            dtanh = (1 - backprop_cache[:, :, t] ** 2) * (gradOutput[:, :, t] + dstate)
            self._dWa += np.concatenate((input[:, :, t], before)) @ dtanh.T
            self._dba += dtanh.sum(axis=1, keepdims=True)
            din[:, :, t] = self._Wa[: self.features] @ dtanh
            dstate = self._Wa[self.features :] @ dtanh
        return din
