"""right: a loss and its derivative that take class numbers alone."""

import numpy as np


def cross_entropy_loss(probs, labels):
    return -np.mean(np.log(probs[np.arange(len(labels)), labels]))


def cross_entropy_loss_derivative(probs, labels):
    slopes = np.zeros_like(probs)
    rows = np.arange(len(labels))
    slopes[rows, labels] = -1 / (len(labels) * probs[rows, labels])
    return slopes
