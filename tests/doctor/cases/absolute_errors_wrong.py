"""wrong sign: the derivative of the absolute errors with respect to the targets."""

import numpy as np


class LossMeanAbsoluteError:
    def forward(self, y_pred, y_true):
        return np.mean(np.abs(y_true - y_pred), axis=-1)

    def backward(self, dvalues, y_true):
        self.dinputs = np.sign(y_true - dvalues) / dvalues.shape[1] / len(dvalues)
