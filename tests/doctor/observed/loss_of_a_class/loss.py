import numpy as np


def cross_entropy_loss(probabilities, label):
    return -np.log(probabilities[label] + 1e-10)


def cross_entropy_gradient(probabilities, label):
    gradient = probabilities.copy()
    gradient[label] -= 1
    return gradient
