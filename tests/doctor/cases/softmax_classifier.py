"""right: one method for loss and gradient, labels are class numbers"""

import numpy as np


class SoftmaxClassifier:
    def __init__(self, dim, num_classes):
        self.W = 0.01 * np.random.default_rng(3).normal(size=(dim, num_classes))

    def loss_and_grad(self, X, y, reg=0.01):
        num = X.shape[0]
        f = X.dot(self.W)
        f -= f.max(axis=1, keepdims=True)
        p = np.exp(f) / np.exp(f).sum(axis=1, keepdims=True)
        loss = -np.log(p[range(num), y]).sum() / num + reg * np.sum(self.W**2)
        p[range(num), y] -= 1
        dW = X.T.dot(p) / num + 2 * reg * self.W
        return loss, dW
