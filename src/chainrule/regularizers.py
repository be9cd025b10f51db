"""Costs on the weights themselves, chosen layer by layer: ``Dense(10, regularizer=L2(1e-4))``.

L1 and L2 add a penalty to the loss and its derivative to the gradient. Decoupled weight decay
adds nothing to either: the optimizer shrinks the weights by ``learning_rate · rate`` at each
step, whatever the gradient's scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.arguments import number
from chainrule.configurable import Configurable
from chainrule.types import Array

__all__ = ["L1", "L2", "Regularizer", "WeightDecay"]


@dataclass(frozen=True, repr=False)
class Regularizer(Configurable):
    """The base: a `rate`, a penalty with its gradient, and a decay; each zero unless defined."""

    rate: float

    def __post_init__(self) -> None:
        number(self.rate, "a regularizer's rate", "[0, inf)")

    def penalty(self, W: Array) -> float:
        """What is added to the loss."""
        return 0.0

    def add_gradient(self, W: Array, dW: Array) -> None:
        """Add the penalty's derivative to `dW`."""

    @property
    def decay(self) -> float:
        """The share of the weights, times the learning rate, that a step takes away."""
        return 0.0


class L1(Regularizer):
    """penalty = rate · Σ|W|; derivative rate · sign(W). Tibshirani (1996), the lasso.

    >>> round(L1(0.1).penalty(np.array([1.0, -2.0])), 6)
    0.3
    """

    def penalty(self, W: Array) -> float:
        return self.rate * float(np.abs(W).sum())

    def add_gradient(self, W: Array, dW: Array) -> None:
        dW += self.rate * np.sign(W)


class L2(Regularizer):
    """penalty = rate / 2 · Σ W²; derivative rate · W, as PyTorch's `weight_decay`.

    >>> L2(0.1).penalty(np.array([1.0, -2.0]))
    0.25
    """

    def penalty(self, W: Array) -> float:
        return self.rate / 2 * float(np.square(W).sum())

    def add_gradient(self, W: Array, dW: Array) -> None:
        dW += self.rate * W


class WeightDecay(Regularizer):
    """W <- W - learning_rate · rate · W before each step, apart from the gradient.

    Loshchilov & Hutter, Decoupled Weight Decay Regularization (2019), algorithm 2.
    """

    @property
    def decay(self) -> float:
        return self.rate


REGULARIZERS: dict[str, type[Regularizer]] = {"l1": L1, "l2": L2, "weight_decay": WeightDecay}
