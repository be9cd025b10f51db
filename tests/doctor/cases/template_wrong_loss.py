"""wrong: the loss layer of a template divides by the batch where the loss does not"""

import numpy as np


class SumOfSquares:
    def forward(self, input, target):
        self.pred, self.target = input, target
        return self.pred, np.sum((input - target) ** 2)

    def backward(self):
        return 2 * (self.pred - self.target) / len(self.pred)
