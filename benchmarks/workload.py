"""A network in training, as it is measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.configurable import build
from chainrule.layers.base import walk
from chainrule.optimizers import OPTIMIZERS

Array = np.ndarray[Any, Any]
Layers = Callable[[], list[cr.Layer]]
CROSS_ENTROPY, SQUARES = "softmax_cross_entropy", "mean_squared_error"


@dataclass(frozen=True)
class Workload:
    """One network in training.

    Args:
        title: what it is.
        layers: makes its layers.
        input_shape: of one example.
        examples: how many there are.
        batch_size: examples in a step.
        loss, optimizer: as chainrule names them.
        goals: how many times faster than PyTorch eager and than JAX step by step; None for no goal.
        floor: the goal for the time in multiples of that of the matrix products alone.
        dtype: the type of all its numbers in training.
        reconstructs: True if its targets are its inputs.
        compared_in: the type in which its losses are compared with those of peers: float64 where
            ten steps may carry the rounding of float32 too far, such as an optimizer that divides
            by the size of gradients which are zero but for rounding.
    """

    title: str
    layers: Layers
    input_shape: tuple[int, ...]
    examples: int
    batch_size: int
    loss: str
    optimizer: str
    goals: tuple[float | None, float | None]
    floor: float | None = None
    dtype: str = "float32"
    reconstructs: bool = False
    compared_in: str = ""

    def network(self, **settings: Any) -> cr.Network:
        """The network with its first weights."""
        return cr.Network(self.layers(), self.input_shape, seed=0, dtype=self.dtype, **settings)

    @property
    def made_optimizer(self) -> cr.Optimizer:
        """The optimizer that `optimizer` names."""
        return build(self.optimizer, OPTIMIZERS, "optimizer")

    @property
    def has_dropout(self) -> bool:
        """True if masks are drawn at random."""
        return any(layer.rate > 0 for layer in dropouts(self.layers()))

    def without_dropout(self) -> Workload:
        """The same, with every value staying: each library draws its own masks, so that losses can
        be compared only where there are none."""

        def layers() -> list[cr.Layer]:
            made = self.layers()
            for layer in dropouts(made):
                layer.rate = 0.0
            return made

        return replace(self, layers=layers)

    @property
    def comparison(self) -> Workload:
        """What its losses are compared of; the same workload where that is what is timed."""
        same = not self.has_dropout and self.compared_in in ("", self.dtype)
        other_type = {"dtype": self.compared_in or self.dtype}
        return self if same else replace(self.without_dropout(), **other_type)

    def data(self) -> tuple[Array, Array]:
        """Inputs and targets: real images where the inputs are 28x28, random numbers elsewhere."""
        rng = np.random.default_rng(0)
        if int(np.prod(self.input_shape)) == 784:
            images = cr.datasets.load("mnist").x_train[: self.examples]
            x = images.reshape(len(images), *self.input_shape)
        else:
            x = rng.standard_normal((self.examples, *self.input_shape), np.dtype(self.dtype))
        return x, x if self.reconstructs else self.targets(rng)

    def targets(self, rng: np.random.Generator) -> Array:
        """Classes at random, or as its loss takes them."""
        outputs = self.network().output_shape[0]
        if outputs == 1:
            return rng.random((self.examples, 1)).astype(self.dtype)
        classes = rng.integers(0, outputs, self.examples)
        return np.eye(outputs, dtype=self.dtype)[classes] if self.loss == SQUARES else classes


def dropouts(layers: list[cr.Layer]) -> list[cr.Dropout]:
    """The layers among these and within them that draw masks."""
    return [layer for _, layer in walk(cr.Sequential(layers)) if isinstance(layer, cr.Dropout)]
