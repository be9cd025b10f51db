"""right: names in camel case, y - output, an update without a rate"""

import numpy as np


class Net(object):
    def __init__(self):
        self.W1, self.W2 = np.random.randn(2, 4), np.random.randn(4, 1)

    def activate(self, s, deriv=False):
        return s * (1 - s) if deriv else 1 / (1 + np.exp(-s))

    def feedForward(self, X):
        self.hidden = self.activate(X @ self.W1)
        return self.activate(self.hidden @ self.W2)

    def backPropagate(self, X, y, output):
        delta = (y - output) * self.activate(output, deriv=True)
        hidden_delta = delta @ self.W2.T * self.activate(self.hidden, deriv=True)
        self.W1 += X.T @ hidden_delta
        self.W2 += self.hidden.T @ delta
