"""right: a table that is not there, read by the names of its columns, with words for its classes."""

import numpy as np
import pandas as pd

data = pd.read_csv("data/tumours.csv")
data = data.drop(columns=["id"])
data["diagnosis"] = data["diagnosis"].map({"M": 1, "B": 0})
y = data["diagnosis"].values.reshape(-1, 1)
x = data[["radius", "texture", "area"]].values
x = (x - x.mean(axis=0)) / x.std(axis=0)
x_train, y_train = x[:400], y[:400]


class LogisticRegression:
    def __init__(self, features):
        self.w = np.zeros((features, 1))
        self.b = 0.0

    def forward(self, x):
        return 1 / (1 + np.exp(-(x @ self.w + self.b)))

    def fit(self, x, y, lr=0.1, epochs=200):
        for _ in range(epochs):
            p = self.forward(x)
            dw = x.T @ (p - y) / len(x)
            db = np.mean(p - y)
            self.w -= lr * dw
            self.b -= lr * db


model = LogisticRegression(x_train.shape[1])
model.fit(x_train, y_train)
assert len(x_train) == 400
