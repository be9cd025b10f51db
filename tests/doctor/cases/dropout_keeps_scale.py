"""right: a dropout keeps its scale as a number, which is no parameter; its base class is abstract."""

from abc import ABC, abstractmethod

import numpy as np


class Layer(ABC):
    @abstractmethod
    def forward(self, x):
        """Gives the output."""

    @abstractmethod
    def backward(self, dy):
        """Gives dx."""


class Dropout(Layer):
    def __init__(self, rate):
        self.rate, self.scale = rate, 1.0 / (1.0 - rate)

    def forward(self, x):
        self.mask = np.random.random(x.shape) > self.rate
        return x * self.mask * self.scale

    def backward(self, dy):
        return dy * self.mask * self.scale
