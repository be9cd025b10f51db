"""What each layer received and gave, forward and backward."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.configurable import Description, build
from chainrule.explain.examples import usual_loss
from chainrule.layers import Layer, Sequential
from chainrule.layers.base import join, walk
from chainrule.losses import LOSSES, Loss
from chainrule.network import Network
from chainrule.parameters import Array


@dataclass
class Passage:
    """One passage through a layer. One that stands in two places has two passages."""

    position: str
    layer: Layer
    x: Array
    y: Array
    dy: Array | None = None
    dx: Array | None = None
    parameters: dict[str, tuple[Array, Array]] = field(default_factory=dict)  # with gradients

    @property
    def name(self) -> str:
        """Position and layer, of a container the class alone."""
        layer = type(self.layer).__name__ if self.layer.children() else repr(self.layer)
        return f"{self.position} {layer}"

    @property
    def arrays(self) -> dict[str, Array]:
        """All of it by name: y, dy, and W, dW for each parameter."""
        made = {"y": self.y} | ({} if self.dy is None else {"dy": self.dy})
        for name, (values, gradient) in self.parameters.items():
            made |= {name: values, f"d{name}": gradient}
        return made


@dataclass(frozen=True)
class Recording:
    """All passages in the order in which they ended, with the loss they led to."""

    x: Array
    targets: Array
    loss: Loss
    value: float
    passages: list[Passage]


def record(
    network: Network,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    loss: Loss | Description | None = None,
    training: bool = False,
) -> Recording:
    """Run a copy of the network on some examples, forward and backward."""
    chosen = usual_loss(network) if loss is None else build(loss, LOSSES, "loss")
    twin = copy.deepcopy(network)
    passages = listen(twin)
    given, targets = np.asarray(twin.check_input(x), twin.dtype), np.asarray(y)
    with np.errstate(all="ignore"):
        outputs, caches = twin.forward(given, training)
        value = twin.backward_from_loss(outputs, caches, targets, chosen)
    for passage in passages:
        for name in _trained(passage.layer):
            key = join(passage.position, name)
            passage.parameters[name] = (twin.parameters[key], twin.gradients[key])
    return Recording(given, targets, chosen, value, passages)


def listen(network: Network) -> list[Passage]:
    """Have every layer of a network note what passes through it; the list fills as it runs."""
    passages: list[Passage] = []
    for position, layer in walk(network.root):
        if not isinstance(layer, Sequential):
            _listen(layer, position, passages)
    return passages


def _listen(layer: Layer, position: str, passages: list[Passage]) -> None:
    """Have a layer note what passes through it, each time with a passage of its own."""
    forward: Callable[..., tuple[Array, Any]] = layer.forward
    backward: Callable[..., Array] = layer.backward

    def noted_forward(x: Array, training: bool = False) -> tuple[Array, Any]:
        y, cache = forward(x, training)
        passage = Passage(position, layer, x, np.array(y))
        passages.append(passage)
        return y, (passage, cache)

    def noted_backward(dy: Array, cache: tuple[Passage, Any]) -> Array:
        passage, own = cache
        dx = backward(dy, own)
        passage.dy, passage.dx = np.array(dy), np.array(dx)
        return dx

    vars(layer).update(forward=noted_forward, backward=noted_backward)


def _trained(layer: Layer) -> list[str]:
    return [name for name, declaration in layer._declarations().items() if declaration.trained]
