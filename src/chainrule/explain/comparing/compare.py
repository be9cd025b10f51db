"""A network beside a model of PyTorch or Keras: the same weights, the first layer that differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.errors import ArgumentError
from chainrule.explain.comparing.keras_model import KerasModel
from chainrule.explain.comparing.steps import OtherModel, Step, difference
from chainrule.explain.comparing.torch_model import TorchModel
from chainrule.layouts import Layout, layouts
from chainrule.network import Network
from chainrule.passages import Passage, listen
from chainrule.presentation.html import html_table
from chainrule.seeding import generator
from chainrule.types import Array

EQUAL = {np.dtype("float64"): 1e-9, np.dtype("float32"): 1e-4}  # differences that rounding makes
HEADER = ["layer", "other", "output", "gradient", "parameters"]
# One side may have these and the other not: in evaluation they leave every number as it is.
CAN_STAND_ALONE = ("Flatten", "Dropout", "SpatialDropout2D", "StochasticDepth", "Identity")


@dataclass(frozen=True)
class Difference:
    """How far a layer's output and gradients are from the other model's, as a part of the
    largest number; None for what the other model does not tell."""

    layer: str
    other: str
    output: float | None
    gradient: float | None
    parameters: dict[str, float | None]


@dataclass(frozen=True)
class Comparison:
    """Layer by layer, how far two models are apart; printing it shows it."""

    rows: list[Difference]
    equal: float  # differences up to here are rounding

    @property
    def first_output(self) -> Difference | None:
        """The first layer whose output differs."""
        return next((row for row in self.rows if self._differs(row.output)), None)

    @property
    def first_gradient(self) -> Difference | None:
        """The first layer on the way back whose gradient, or a parameter's, differs."""
        return next(
            (
                row
                for row in reversed(self.rows)
                if any(map(self._differs, (row.gradient, *row.parameters.values())))
            ),
            None,
        )

    def _differs(self, value: float | None) -> bool:
        return value is not None and not value <= self.equal

    def __str__(self) -> str:
        cells = [HEADER, *(self._cells(row) for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in cells
        ]
        return "\n".join([*lines, "", self._verdict()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return html_table(HEADER, map(self._cells, self.rows), [self._verdict()])

    def _cells(self, row: Difference) -> list[str]:
        parameters = ", ".join(f"d{name} {self._shown(v)}" for name, v in row.parameters.items())
        shown = [self._shown(row.output), self._shown(row.gradient)]
        return [row.layer, row.other, *shown, parameters]

    def _shown(self, value: float | None) -> str:
        if value is None:
            return "-"
        return "equal" if value <= self.equal else f"{value:.2g}"

    def _verdict(self) -> str:
        output, gradient = self.first_output, self.first_gradient
        if output is not None:
            return f"The outputs differ first at {output.layer}."
        if gradient is not None:
            return f"The outputs are equal; going back, gradients differ first at {gradient.layer}."
        told = any(row.gradient is not None for row in self.rows)
        return f"Outputs {'and gradients ' if told else ''}are equal, up to {self.equal:g}."


def compare(network: Network, other: Any, x: npt.ArrayLike) -> Comparison:
    """Run a network and a model of another framework side by side, in evaluation.

    The network's weights are carried over to the other model, in its own order of axes. Both
    run forward on x and backward from the same random gradient.

    Args:
        network: a network whose layers follow one another.
        other: a `torch.nn.Module` whose leaves follow one another, or a Keras model of layers
            in a row. It stays as it is.
        x: ``(N, *input_shape)``, as the network takes it.
    Raises:
        ArgumentError: no model that is understood, or layers that are not the same on both
            sides.
    """
    theirs = _understood(other)
    twin = Network(network.layers, network.input_shape, network.seed, "float64")
    twin.parameters.flat[:] = network.parameters.flat
    twin.buffers.flat[:] = network.buffers.flat
    passages = listen(twin)
    outputs, caches = twin.forward(x)
    dy = generator(0, "compare").standard_normal(outputs.shape)
    twin.gradients.flat[:] = 0
    twin.backward(dy, caches)
    given = np.asarray(x, np.float64)
    inner = list(layouts(theirs.order, ((p.layer, p.x.shape[1:]) for p in passages)))
    first, last = inner[0], inner[-1]
    pairs = _pairs(passages, theirs.kinds(first.activations(given)))
    for ours, place in pairs:
        theirs.carry(place, passages[ours].layer, inner[ours])
    steps = theirs.run(first.activations(given), last.activations(dy))
    rows = [_difference(passages[ours], steps[place], inner[ours], twin) for ours, place in pairs]
    kind = next(step.y.dtype for step in reversed(steps) if step.y is not None)
    return Comparison(rows, EQUAL.get(kind, EQUAL[np.dtype("float32")]))


def _understood(other: Any) -> OtherModel:
    if hasattr(other, "layers") and hasattr(other, "get_weights"):  # on PyTorch, it is both
        return KerasModel(other)
    if hasattr(other, "named_modules"):
        return TorchModel(other)
    raise ArgumentError(
        f"compare takes a torch.nn.Module or a Keras model; received {type(other).__name__}"
    )


def _pairs(passages: list[Passage], kinds: list[str]) -> list[tuple[int, int]]:
    """Which of our layers stands beside which of the other's."""
    names = [type(passage.layer).__name__ for passage in passages]
    pairs: list[tuple[int, int]] = []
    ours = place = 0
    while ours < len(names) or place < len(kinds):
        here = names[ours] if ours < len(names) else ""
        there = kinds[place] if place < len(kinds) else ""
        if here == there:
            pairs.append((ours, place))
            ours, place = ours + 1, place + 1
        elif there in CAN_STAND_ALONE:
            place += 1
        elif here in CAN_STAND_ALONE or (here and passages[ours].layer.children()):
            ours += 1
        else:
            mine = f"layer {passages[ours].name}" if here else "nothing more"
            raise ArgumentError(
                f"the models differ: {mine} here, {there or 'nothing more'} there. Layers are "
                "compared in the order in which they run, and an activation counts where it is "
                "a layer (nn.ReLU(), not F.relu)"
            )
    return pairs


def _difference(passage: Passage, step: Step, layout: Layout, twin: Network) -> Difference:
    """One row: our arrays, in the other's order, beside its own."""
    layer, dy = passage.layer, passage.dy
    gradients: dict[str, Array] = {
        name: layout.parameter(layer, getattr(layer, f"d{name}"))
        for name, declaration in layer._declarations().items()
        if declaration.trained
    }
    return Difference(
        passage.name,
        step.name,
        difference(layout.activations(passage.y), step.y),
        None if dy is None else difference(layout.activations(dy), step.dy),
        {name: difference(ours, step.gradients.get(name)) for name, ours in gradients.items()},
    )
