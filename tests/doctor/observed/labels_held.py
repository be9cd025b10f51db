"""right: an object holds its data; its backward pass is handed the cache of the forward pass alone."""

import numpy as np


class Network:
    def __init__(self):
        rng = np.random.default_rng(9)
        self.trainingSet = rng.normal(size=(2, 30))
        self.trainingLabels = (self.trainingSet.prod(axis=0, keepdims=True) > 0) * 1.0
        self.size = self.trainingSet.shape[1]
        self.parameters = {"W1": rng.normal(size=(5, 2)), "b1": np.zeros((5, 1))}
        self.parameters |= {"W2": rng.normal(size=(1, 5)), "b2": np.zeros((1, 1))}

    def computeCost(self, A):
        Y = self.trainingLabels
        return -np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A)) / self.size

    def forwardPass(self):
        p, cache = self.parameters, {"A0": self.trainingSet}
        cache["A1"] = np.tanh(p["W1"] @ cache["A0"] + p["b1"])
        cache["A2"] = 1 / (1 + np.exp(-(p["W2"] @ cache["A1"] + p["b2"])))
        return cache

    def backwardPass(self, cache):
        dZ2 = (cache["A2"] - self.trainingLabels) / self.size
        dZ1 = self.parameters["W2"].T @ dZ2 * (1 - cache["A1"] ** 2)
        grads = {"dW2": dZ2 @ cache["A1"].T, "db2": dZ2.sum(axis=1, keepdims=True)}
        grads |= {"dW1": dZ1 @ cache["A0"].T, "db1": dZ1.sum(axis=1, keepdims=True)}
        return grads

    def train(self, rounds, rate):
        for _ in range(rounds):
            cache = self.forwardPass()
            cost = self.computeCost(cache["A2"])
            grads = self.backwardPass(cache)
            for name in self.parameters:
                self.parameters[name] = self.parameters[name] - rate * grads["d" + name]
        print(cost)


Network().train(200, 0.5)
