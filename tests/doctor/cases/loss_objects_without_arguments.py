"""right: losses as objects that keep what their backward pass needs."""

import numpy as np


class MSE:
    def forward(self, predictions, targets):
        self.predictions, self.targets = predictions, targets
        return 0.5 * np.mean(np.square(predictions - targets), axis=1)

    def backward(self):
        return (self.predictions - self.targets) / self.predictions.size


class SoftmaxCrossEntropy:
    def forward(self, logits, targets):
        self.targets = targets
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.predictions = exponentials / exponentials.sum(axis=1, keepdims=True)
        return -np.log(np.sum(self.predictions * targets, axis=1))

    def backward(self):
        return (self.predictions - self.targets) / len(self.targets)
