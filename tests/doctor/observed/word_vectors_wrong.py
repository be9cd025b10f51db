"""wrong sign: losses of word vectors with their gradients, one of which is added up with the wrong sign."""

import numpy as np


class Tokens:
    def __init__(self, count):
        self.count = count

    def sample(self):
        return np.random.randint(self.count)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax_loss_and_gradient(center_vec, outside_index, outside_vectors, dataset):
    scores = outside_vectors @ center_vec
    probabilities = np.exp(scores) / np.exp(scores).sum()
    loss = -np.log(probabilities[outside_index])
    delta = probabilities.copy()
    delta[outside_index] -= 1
    grad_center = outside_vectors.T @ delta
    grad_outside = np.outer(delta, center_vec)
    return loss, grad_center, grad_outside


def sampling_loss_and_gradient(center_vec, outside_index, outside_vectors, dataset, K=5):
    chosen = [dataset.sample() for _ in range(K)]
    grad_outside = np.zeros(outside_vectors.shape)
    hit = sigmoid(outside_vectors[outside_index] @ center_vec)
    loss = -np.log(hit)
    grad_center = (hit - 1) * outside_vectors[outside_index]
    grad_outside[outside_index] = (hit - 1) * center_vec
    for k in chosen:
        missed = sigmoid(-(outside_vectors[k] @ center_vec))
        loss += -np.log(missed)
        grad_outside[k] += (1 - missed) * center_vec
        grad_center -= (1 - missed) * outside_vectors[k]
    return loss, grad_center, grad_outside


def skipgram(center, context, center_vectors, outside_vectors, dataset, one):
    loss = 0.0
    grad_centers = np.zeros(center_vectors.shape)
    grad_outsides = np.zeros(outside_vectors.shape)
    for word in context:
        step, grad_in, grad_out = one(center_vectors[center], word, outside_vectors, dataset)
        loss += step
        grad_centers[center] += grad_in
        grad_outsides += grad_out
    return loss, grad_centers, grad_outsides


def gradcheck(f, x, h=1e-4):
    for i in np.ndindex(x.shape):
        x[i] += h
        after = f()[0]
        x[i] -= 2 * h
        before = f()[0]
        x[i] += h
        assert np.isfinite(after - before)


if __name__ == "__main__":
    np.random.seed(1)
    inner, outer = np.random.randn(5, 3), np.random.randn(5, 3)
    for one in (softmax_loss_and_gradient, sampling_loss_and_gradient):
        gradcheck(lambda one=one: skipgram(2, [0, 1, 4, 3], inner, outer, Tokens(5), one), outer)
