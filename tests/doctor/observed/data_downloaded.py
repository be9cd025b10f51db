"""right: the script downloads its data, which is stood in for."""

import csv
import urllib.request

import numpy as np

ADDRESS = "https://data.example.org/iris/iris.data"
with urllib.request.urlopen(ADDRESS) as answer:
    rows = [row for row in csv.reader(answer.read().decode().splitlines()) if row]
X = np.array([row[:4] for row in rows], float)
names = sorted({row[4] for row in rows})
Y = np.eye(len(names))[[names.index(row[4]) for row in rows]]

rng = np.random.default_rng(6)
W, b = rng.normal(size=(4, 3)), np.zeros(3)
for _ in range(200):
    scores = X @ W + b
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    P = powers / powers.sum(axis=1, keepdims=True)
    loss = -np.mean(np.sum(Y * np.log(P), axis=1))
    dscores = (P - Y) / len(X)
    W -= 0.1 * X.T @ dscores
    b -= 0.1 * dscores.sum(axis=0)
