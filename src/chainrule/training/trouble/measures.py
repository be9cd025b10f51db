"""What a recording of a network's layers shows: saturation, dead units, the length of gradients,
and where numbers cease to be finite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chainrule.layers import HardSigmoid, Layer, Sigmoid, Tanh
from chainrule.passages import Passage, Recording
from chainrule.types import Array

SATURATED = 0.05  # so near to an end of its range, as a part of it, an activation barely moves
MANY_SATURATED = 0.5  # the share of a layer's outputs
MANY_DEAD = 0.5  # the share of a layer's units
UNSCALED = 10.0  # the root mean square of a feature; scaled inputs have about 1
VANISHED, EXPLODED = 1e-3, 1e3  # a gradient's length beside its length at the network's output

RANGES: dict[type[Layer], tuple[float, float]] = {
    Sigmoid: (0.0, 1.0),
    HardSigmoid: (0.0, 1.0),
    Tanh: (-1.0, 1.0),
}


def share_saturated(outputs: Array, low: float, high: float) -> float:
    """The share of values near the ends of their range."""
    margin = SATURATED * (high - low)
    return float(np.mean((outputs < low + margin) | (outputs > high - margin)))


def count_dead(passage: Passage) -> tuple[int, int]:
    """How many units of a rectifier are 0 for all examples, and of how many; 0 of other layers.

    A rectifier shows by what it does, so that one of the user's own counts as well: it has no
    parameters, keeps the shape, and puts out 0 where it receives nothing above 0.
    """
    x, y = passage.x, passage.y
    learns = passage.layer.children() or passage.layer._declarations()
    if y.ndim < 2 or x.shape != y.shape or learns:
        return 0, 0
    units = tuple(range(x.ndim - 1))
    negative = x < 0
    if not negative.any() or y[negative].any():
        return 0, x.shape[-1]
    return int(((x <= 0) & (y == 0)).all(axis=units).sum()), x.shape[-1]


def largest_feature(x: Array) -> float:
    """The largest root mean square of a feature, over the examples."""
    return float(np.sqrt(np.square(x, dtype=np.float64).mean(axis=0)).max())


def gradient_lengths(recording: Recording) -> Iterator[tuple[Passage, float]]:
    """Each passage, from the last to the first, with the length of the gradient that it hands back,
    beside its length at the network's output."""
    back = [p for p in reversed(recording.passages) if p.dy is not None and p.dx is not None]
    start = length(back[0].dy) if back else 0.0
    if start:
        yield from ((passage, length(passage.dx) / start) for passage in back)


def length(array: Array | None) -> float:
    """sqrt(Σ a²)."""
    return 0.0 if array is None else float(np.linalg.norm(array.astype(np.float64)))


@dataclass(frozen=True)
class Unfinite:
    """The first array that holds a NaN or an infinity: the input, or one of a passage."""

    name: str
    values: Array
    passage: Passage | None = None


def first_unfinite(recording: Recording) -> Unfinite | None:
    """The first place that is not finite: the input, a layer on the way forward, the loss, a layer
    on the way back; None if all is."""
    places = (*_forward(recording), *_backward(recording))
    return next((place for place in places if not np.isfinite(place.values).all()), None)


def _forward(recording: Recording) -> Iterator[Unfinite]:
    yield Unfinite("x", recording.x)
    for passage in recording.passages:
        yield Unfinite("y", passage.y, passage)
    yield Unfinite("loss", np.array(recording.value))


def _backward(recording: Recording) -> Iterator[Unfinite]:
    for passage in reversed(recording.passages):
        if passage.layer.children():
            continue  # what is inside it comes first on the way back, and is to blame
        gradients = {f"d{name}": pair[1] for name, pair in passage.parameters.items()}
        for name, gradient in {"dy": passage.dy, **gradients, "dx": passage.dx}.items():
            # What the first layer hands back is for no one: it may be left out.
            if gradient is not None and not (name == "dx" and passage.x is recording.x):
                yield Unfinite(name, gradient, passage)
