"""What a model of another framework did, layer by layer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from chainrule.layers import Layer
from chainrule.layouts import Layout, Order
from chainrule.types import Array


@dataclass
class Step:
    """A layer of the other model with its output, the gradient of it, and those of its
    parameters, by the names they have here; None and empty for what it cannot tell."""

    name: str
    y: Array | None
    dy: Array | None = None
    gradients: dict[str, Array] = field(default_factory=dict)


class OtherModel(Protocol):
    """A model of another framework."""

    order: Order

    def kinds(self, x: Array) -> list[str]:
        """The names that its layers have here, in the order in which they run on x."""

    def carry(self, place: int, layer: Layer, layout: Layout) -> None:
        """Give its layer at that place the arrays of ours."""

    def run(self, x: Array, dy: Array) -> list[Step]:
        """Run forward on x, and backward from dy, both in its own order of axes."""


def difference(ours: Array, theirs: Array | None) -> float | None:
    """The largest difference beside the largest number; None where there is nothing to compare,
    infinite where there are more numbers on one side."""
    if theirs is None:
        return None
    if ours.size != theirs.size:
        return float("inf")
    largest = max(float(np.abs(ours).max(initial=0)), float(np.abs(theirs).max(initial=0)))
    apart = np.abs(ours - theirs.reshape(ours.shape)).max(initial=0)
    return float(apart) / (largest or 1.0)
