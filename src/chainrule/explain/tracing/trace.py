"""The trace of some examples: every layer in numbers, forward and backward."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chainrule.configurable import Description, build
from chainrule.explain.examples import usual_loss
from chainrule.explain.tracing.arrays import COLUMNS, FEW, first_example
from chainrule.explain.tracing.findings import Finding, find
from chainrule.explain.tracing.page import page_of
from chainrule.explain.tracing.statistics import Statistics, short
from chainrule.files import whole_file
from chainrule.losses import LOSSES, Loss
from chainrule.network import Network
from chainrule.passages import Passage, Recorder, Recording
from chainrule.types import Array


class Trace:
    """What some examples became in every layer, and what came back; printing it shows it.

    `passages` holds the arrays, `findings` what is wrong with them.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    @property
    def passages(self) -> list[Passage]:
        """A passage for each time that a layer was used, in the order in which they ended."""
        return self.recording.passages

    @property
    def loss(self) -> float:
        """The loss of the examples, penalties included."""
        return self.recording.value

    @cached_property
    def findings(self) -> list[Finding]:
        """Where activations saturate, units are dead, gradients vanish or explode, and the
        first layer with a NaN or an infinity."""
        return find(self.recording)

    def rows(self) -> Iterator[list[str]]:
        """A row of cells for the input and for each layer, under `COLUMNS`."""
        yield ["input", *Statistics.of(self.recording.x).cells(), ""]
        for passage in self.passages:
            statistics = Statistics.of(passage.y, passage.layer)
            length = "" if passage.dy is None else short(Statistics.of(passage.dy).norm)
            yield [passage.name, *statistics.cells(), length]

    def small_arrays(self) -> Iterator[tuple[str, Array]]:
        """Every array of the first example that is small enough to be printed in full."""
        yield from _if_small("x", self.recording.x[0])
        for passage in self.passages:
            for name, array in first_example(passage).items():
                yield from _if_small(f"{passage.position} {name}", array)

    def write(self, path: str | PathLike[str]) -> None:
        """Write one HTML page that needs nothing else.

        Raises:
            OutputError: it cannot be written.
        """
        with whole_file(Path(path)) as file:
            page = page_of(self.recording, self.findings, list(self.rows()))
            file.write(page.encode())

    def __str__(self) -> str:
        rows = [COLUMNS, *self.rows()]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(f"{cell:{'<' if i < 2 else '>'}{w}}" for i, (cell, w) in enumerate(pairs))
            for row in rows
            for pairs in [list(zip(row, widths, strict=True))]
        ]
        arrays = [f"{name} = {in_full(array)}" for name, array in self.small_arrays()]
        parts = [
            "\n".join(line.rstrip() for line in lines),
            f"loss {short(self.loss)}",
            *([] if not self.findings else ["\n".join(map(str, self.findings))]),
            *([] if not arrays else ["\n".join(arrays)]),
        ]
        return "\n\n".join(parts)

    __repr__ = __str__


def trace(
    network: Network,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    loss: Loss | Description | None = None,
    training: bool = False,
) -> Trace:
    """The numbers of some examples in every layer, forward and backward.

    Args:
        network: it stays as it is; a copy is run.
        x: ``(N, *input_shape)``, one example or a few.
        y: their targets.
        loss: the one it was trained with unless given.
        training: run as in training, with dropout and the batch's own means.
    Raises:
        ShapeError, TargetError: examples or targets that do not fit.

    >>> from chainrule.layers import Dense, ReLU
    >>> network = Network([Dense(2, initializer="ones"), ReLU()], input_shape=2)
    >>> print(trace(network, [[1.0, 2.0]], [[0.0, 0.0]], "mean_squared_error"))
    layer                           shape  min  max  mean  std  zero  saturated  gradient
    input                           1 × 2    1    2   1.5  0.5
    0 Dense(2, initializer='ones')  1 × 2    3    3     3    0                      4.243
    1 ReLU()                        1 × 2    3    3     3    0                      4.243
    <BLANKLINE>
    loss 9
    <BLANKLINE>
    x = [1. 2.]
    0 y = [3. 3.]
    0 dy = [3. 3.]
    0 W = [[1. 1.]
     [1. 1.]]
    0 dW = [[3. 3.]
     [6. 6.]]
    0 b = [0. 0.]
    0 db = [3. 3.]
    1 y = [3. 3.]
    1 dy = [3. 3.]
    """
    chosen = usual_loss(network) if loss is None else build(loss, LOSSES, "loss")
    return Trace(Recorder(network).record(x, y, chosen, training))


def in_full(array: Array) -> str:
    """Every number of an array, with four digits."""
    return np.array2string(array, precision=4, suppress_small=True, threshold=FEW + 1)


def _if_small(name: str, array: Array) -> Iterator[tuple[str, Array]]:
    if array.size <= FEW and array.ndim <= 2:
        yield name, array
