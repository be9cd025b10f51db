"""not checked has nothing that is understood: it is handed the scores, which others compute from w, so w shows nothing."""

import numpy as np


def costp(A, X, Y, w):
    p = np.exp(A - A.max()) / np.exp(A - A.max()).sum(axis=0)
    cost = np.sum(Y * np.log(p).T) / Y.shape[0] + 0.5 * np.sum(w * w)
    grad = -np.dot(X, Y - p.T) / Y.shape[0] + w
    return cost, grad
