"""partly: a loss as an object with the gradient of the logits, divided by the number of examples."""

import numpy as np


class Softmax:
    def forward(self, inputs):
        e = np.exp(inputs - inputs.max(axis=1, keepdims=True))
        self.output = e / e.sum(axis=1, keepdims=True)
        return self.output

    def backward(self, dvalues):
        self.dinputs = dvalues.copy()


class CrossEntropy:
    def forward(self, y_pred, y_true):
        return np.mean(-np.log(np.sum(np.clip(y_pred, 1e-7, 1) * y_true, axis=1)))

    def backward(self, dvalues, y_true):
        self.dinputs = dvalues.copy()
        self.dinputs[range(len(dvalues)), np.argmax(y_true, axis=1)] -= 1
        self.dinputs = self.dinputs / len(dvalues)
