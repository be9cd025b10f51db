"""right: loss(x, t, l2) with l2 in the example"""

import numpy as np


class Ridge:
    def __init__(self, n):
        self.params = {"w": np.random.default_rng(10).normal(size=n), "b": np.zeros(1)}

    def loss(self, x, t, l2=0.0, scale=1.0):
        r = x @ self.params["w"] + self.params["b"] - t
        loss = scale * 0.5 * np.mean(r**2) + l2 * np.sum(self.params["w"] ** 2)
        return loss, {
            "w": scale * x.T @ r / len(x) + 2 * l2 * self.params["w"],
            "b": np.array([scale * r.mean()]),
        }


def example(rng):
    return {
        "layer": Ridge(4),
        "x": rng.normal(size=(6, 4)),
        "y": rng.normal(size=6),
        "l2": 0.3,
        "scale": 2.0,
    }
