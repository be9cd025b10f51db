"""right: a softmax that hands on the gradient, which its cross-entropy gives for both."""

import numpy as np


class Softmax:
    def forward(self, X):
        e = np.exp(X - X.max(axis=-1, keepdims=True))
        self.output = e / e.sum(axis=-1, keepdims=True)
        return self.output

    def backward(self, grad_output):
        return grad_output


def cross_entropy(pred, label):
    return -np.log(pred[np.arange(len(label)), label] + 1e-7).mean()
