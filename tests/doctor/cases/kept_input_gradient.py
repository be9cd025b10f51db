"""wrong sign: the gradient of the input is kept, not returned"""

import numpy as np


class Square:
    def forward(self, inputs):
        self.inputs = inputs
        self.output = inputs**2

    def backward(self, dvalues):
        self.dinputs = -2 * self.inputs * dvalues
