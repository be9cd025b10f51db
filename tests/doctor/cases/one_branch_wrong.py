"""partly: right for class numbers, wrong for rows with a one, both of which it takes"""

import numpy as np


class SoftmaxWithLoss:
    def forward(self, x, t):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        self.t, self.y = t, e / e.sum(axis=1, keepdims=True)
        labels = t.argmax(axis=1) if t.size == x.size else t
        return -np.log(self.y[np.arange(len(x)), labels]).mean()

    def backward(self, dout=1):
        if self.t.size == self.y.size:
            return -self.t / len(self.t)
        dx = self.y.copy()
        dx[np.arange(len(dx)), self.t] -= 1
        return dx / len(dx)
