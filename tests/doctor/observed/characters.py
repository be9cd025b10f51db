"""right: a network that learns to write, in a function over a sequence and the names of the file."""

import numpy as np

with open("novel.txt") as file:
    text = file.read()
chars = sorted(set(text))
place = {letter: n for n, letter in enumerate(chars)}
size, hidden, length, rate = len(chars), 7, 5, 0.1
rng = np.random.default_rng(0)
Wxh, Whh = rng.normal(size=(hidden, size)) * 0.3, rng.normal(size=(hidden, hidden)) * 0.3
Why, bh, by = rng.normal(size=(size, hidden)) * 0.3, np.zeros((hidden, 1)), np.zeros((size, 1))


def loss_of(inputs, targets, before):
    x, h, p, loss = {}, {-1: np.copy(before)}, {}, 0
    for t in range(len(inputs)):
        x[t] = np.zeros((size, 1))
        x[t][inputs[t]] = 1
        h[t] = np.tanh(Wxh @ x[t] + Whh @ h[t - 1] + bh)
        scores = np.exp(Why @ h[t] + by)
        p[t] = scores / scores.sum()
        loss += -np.log(p[t][targets[t], 0])
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dbh, dby, dnext = np.zeros_like(bh), np.zeros_like(by), np.zeros_like(h[0])
    for t in reversed(range(len(inputs))):
        dy = np.copy(p[t])
        dy[targets[t]] -= 1
        dWhy += dy @ h[t].T
        dby += dy
        da = (1 - h[t] ** 2) * (Why.T @ dy + dnext)
        dbh += da
        dWxh += da @ x[t].T
        dWhh += da @ h[t - 1].T
        dnext = Whh.T @ da
    for dparam in [dWxh, dWhh, dWhy, dbh, dby]:
        np.clip(dparam, -0.05, 0.05, out=dparam)
    return loss, dWxh, dWhh, dWhy, dbh, dby, h[len(inputs) - 1]


n, position, state = 0, 0, np.zeros((hidden, 1))
while n < 50:
    inputs = [place[letter] for letter in text[position : position + length]]
    targets = [place[letter] for letter in text[position + 1 : position + length + 1]]
    loss, dWxh, dWhh, dWhy, dbh, dby, state = loss_of(inputs, targets, state)
    for param, dparam in zip([Wxh, Whh, Why, bh, by], [dWxh, dWhh, dWhy, dbh, dby]):
        param -= rate * dparam
    position += length
    n += 1
