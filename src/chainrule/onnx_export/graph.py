"""An ONNX graph that grows node by node, in the order in which its nodes run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.chain import Chain
from chainrule.extras import optional
from chainrule.layers.base import Layer, join, walk
from chainrule.types import Array, Shape


@dataclass(frozen=True)
class Value:
    """What flows between two layers: its name, and the shape of one example."""

    name: str
    shape: Shape


class Graph:
    """Nodes, and the arrays they hold, under names that say where in the network they belong."""

    def __init__(self, network: Chain) -> None:
        self.onnx: Any = optional("onnx", "an ONNX file", "pip install 'chainrule[onnx]'")
        self.dtype = network.dtype
        self.nodes: list[Any] = []
        self.arrays: dict[str, Array] = {}
        self._positions = {id(layer): position for position, layer in walk(network.root)}
        self._place: list[str] = []

    @contextmanager
    def within(self, name: str) -> Iterator[None]:
        """What is added belongs to the layer of this name."""
        self._place.append(name)
        try:
            yield
        finally:
            self._place.pop()

    def node(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node; the name of its one output."""
        output = f"{'.'.join([*self._place, operator])}#{len(self.nodes)}"
        node = self.onnx.helper.make_node(operator, inputs, [output], output, **attributes)
        self.nodes.append(node)
        return output

    def parameter(self, layer: Layer, name: str, axes: Sequence[int] | None = None) -> str:
        """A layer's parameter or buffer, its axes in another order if need be; its name. A layer
        that stands in two places has one."""
        key = join(self._positions[id(layer)], name)
        values: Array = getattr(layer, name)
        self.arrays[key] = np.ascontiguousarray(values if axes is None else values.transpose(axes))
        return key

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> str:
        """An array of the network's type, unless told otherwise; its name."""
        name = f"constant#{len(self.arrays)}"
        self.arrays[name] = np.asarray(values, dtype or self.dtype)
        return name

    def turned(self, x: str, axes: Sequence[int]) -> str:
        """A value with its axes, that of the batch included, in another order."""
        return self.node("Transpose", x, perm=list(axes))
