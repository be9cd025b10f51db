"""The last good weights: what training goes back to when it ends in numbers that are not finite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.chain import Chain
from chainrule.optimizers import OptimizerState
from chainrule.training.epoch import Floats
from chainrule.types import Array


@dataclass
class Snapshot:
    """A copy of what training moves: weights, buffers, the optimizer's memory, averages."""

    arrays: dict[str, Array]
    step: int
    momentum_product: float

    @classmethod
    def of(cls, chain: Chain, optimizer: OptimizerState) -> Snapshot:
        """A copy of the present state."""
        arrays = {name: array.copy() for name, array in trained_arrays(chain, optimizer).items()}
        return cls(arrays, optimizer.step, optimizer.momentum_product)

    def update(self, chain: Chain, optimizer: OptimizerState) -> None:
        """Copy the present state into the same memory."""
        for name, array in trained_arrays(chain, optimizer).items():
            np.copyto(self.arrays[name], array)
        self.step, self.momentum_product = optimizer.step, optimizer.momentum_product

    def put_back(self, chain: Chain, optimizer: OptimizerState) -> None:
        """Make this the present state. Raises KeyError or ValueError where it is of another."""
        for name, array in trained_arrays(chain, optimizer).items():
            copy_exactly(self.arrays[name], array)
        optimizer.step, optimizer.momentum_product = self.step, self.momentum_product


class LastGood:
    """Weights that are known to be good, and the ones that the present epoch began with.

    Weights are good if the epoch that began with them went well: if its steps' losses are, on
    average, at most twice the least average of any epoch. Weights can be finite and lost all the
    same.
    """

    def __init__(self, chain: Chain, optimizer: OptimizerState) -> None:
        self.chain, self.optimizer = chain, optimizer
        self.good, self.start = Snapshot.of(chain, optimizer), Snapshot.of(chain, optimizer)
        self.least_loss = np.inf

    def judge(self, losses: Floats) -> None:
        """Judge the weights that an epoch began with by the losses of its steps."""
        finite = losses[np.isfinite(losses)]
        if finite.size:
            average = float(finite.mean())
            self.least_loss = min(self.least_loss, average)
            if average <= self.least_loss + abs(self.least_loss):
                self.good, self.start = self.start, self.good

    def begin_epoch(self) -> None:
        """Remember the present weights as those that an epoch begins with."""
        self.start.update(self.chain, self.optimizer)

    def go_back(self) -> None:
        """Make the good weights the present ones."""
        self.good.put_back(self.chain, self.optimizer)
        self.begin_epoch()

    # --- to a file and back ---------------------------------------------------------------

    def arrays(self) -> dict[str, Array]:
        """The arrays of both, by name."""
        return {
            f"{which}.{name}": array
            for which in ("good", "start")
            for name, array in getattr(self, which).arrays.items()
        }

    def document(self) -> dict[str, Any]:
        """The rest, as plain data."""
        good, start = self.good, self.start
        return {
            "good": [good.step, good.momentum_product],
            "start": [start.step, start.momentum_product],
            "least_loss": self.least_loss,
        }

    def restore(self, arrays: Mapping[str, Array], document: Mapping[str, Any]) -> None:
        """Take over what `arrays` and `document` gave."""
        for which in ("good", "start"):
            snapshot: Snapshot = getattr(self, which)
            for name, array in snapshot.arrays.items():
                copy_exactly(arrays[f"{which}.{name}"], array)
            snapshot.step, snapshot.momentum_product = document[which]
        self.least_loss = document["least_loss"]


def trained_arrays(chain: Chain, optimizer: OptimizerState) -> dict[str, Array]:
    """The arrays that training moves, as they are in use."""
    slots = {f"optimizer.{name}": slot for name, slot in optimizer.slots.items()}
    average = {f"average.{name}": array for name, array in optimizer.average.items()}
    return {"parameters": chain.parameters.flat, "buffers": chain.buffers.flat, **slots, **average}


def copy_exactly(source: Array, target: Array) -> None:
    """Copy numbers between arrays of one shape and type. Raises ValueError where they differ."""
    if (source.shape, source.dtype) != (target.shape, target.dtype):
        raise ValueError(
            f"an array has {source.shape} numbers of {source.dtype}, and should have "
            f"{target.shape} of {target.dtype}"
        )
    target[...] = source
