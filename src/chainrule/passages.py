"""What each layer receives and gives, forward and backward, noted by a copy of the network."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.chain import Chain
from chainrule.layers.base import Layer, join, walk
from chainrule.layers.containers import Sequential
from chainrule.losses import Loss
from chainrule.types import Array


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
    def place(self) -> str:
        """As errors name a layer: ``layer 3 (ReLU)``."""
        return f"layer {self.position} ({type(self.layer).__name__})"

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

    @property
    def outputs(self) -> Array:
        """What the network made of x."""
        return self.passages[-1].y


class Recorder:
    """A copy of a network that can be run again and again beside it, and disturbs nothing."""

    def __init__(self, network: Chain) -> None:
        self.network, self.twin = network, copy.deepcopy(network)
        self.passages = listen(self.twin)
        self.runs_users_code = any(layer.users_own for _, layer in walk(self.twin.root))

    def record(
        self, x: npt.ArrayLike, y: npt.ArrayLike, loss: Loss, training: bool = False
    ) -> Recording:
        """Run the copy, with the network's present weights, forward and backward. The parameters
        and gradients are the copy's own: its next run overwrites them."""
        twin, targets = self.twin, np.asarray(y)
        with self._running():
            given, outputs, caches = self._forward(x, training)
            value = twin.backward_from_loss(outputs, caches, targets, loss)
        passages = list(self.passages)
        for passage in passages:
            for name in _trained(passage.layer):
                key = join(passage.position, name)
                passage.parameters[name] = (twin.parameters[key], twin.gradients[key])
        return Recording(given, targets, loss, value, passages)

    def forward(self, x: npt.ArrayLike, training: bool = False) -> list[Passage]:
        """The way forward alone."""
        with self._running():
            self._forward(x, training)
        return list(self.passages)

    def _forward(self, x: npt.ArrayLike, training: bool) -> tuple[Array, Array, list[Any]]:
        given = np.asarray(self.twin.check_input(x), self.twin.dtype)
        return given, *self.twin.root.forward(given, training)

    @contextmanager
    def _running(self) -> Iterator[None]:
        self.passages.clear()
        self.twin.parameters.flat[:] = self.network.parameters.flat
        self.twin.buffers.flat[:] = self.network.buffers.flat
        with np.errstate(all="ignore"), same_draws_afterwards(self.runs_users_code):
            yield


@contextmanager
def same_draws_afterwards(wanted: bool) -> Iterator[None]:
    """Leave the generators that all Python code shares as they are: code of the user's own may draw
    from them."""
    if not wanted:
        yield
        return
    numpys, pythons = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(numpys)  # noqa: NPY002
        random.setstate(pythons)


def listen(network: Chain) -> list[Passage]:
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
