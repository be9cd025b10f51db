"""right: a loss that is averaged over all outputs, and its derivative over examples alone."""

import numpy as np


class MSELoss:
    def forward(self, predictions, targets):
        self.difference = predictions - targets
        return 0.5 * np.mean(self.difference**2)

    def backward(self):
        return self.difference / len(self.difference)
