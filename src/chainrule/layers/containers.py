"""Layers made of layers. Each is a layer itself, so they nest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError, ShapeError
from chainrule.layers.base import Layer, setup_child
from chainrule.types import Array, Shape


class Sequential(Layer):
    """y = layer_n( … layer_2(layer_1(x))): each layer's output is the next one's input.

    Backward: the chain rule itself, dy handed through the layers from the last to the first.

    >>> from chainrule.layers import Dense, ReLU
    >>> Sequential([Dense(8), ReLU(), Dense(3)]).build((4,))
    (3,)
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = check_layers(layers)
        self.output_shapes: list[Shape] = []

    def children(self) -> Mapping[str, Layer]:
        return {str(position): layer for position, layer in enumerate(self.layers)}

    def setup(self, input_shape: Shape) -> Shape:
        shape = input_shape
        self.output_shapes = []
        for name, layer in self.children().items():
            shape = setup_child(name, layer, shape)
            self.output_shapes.append(shape)
        return shape

    def forward(self, x: Array, training: bool = False) -> tuple[Array, list[Any]]:
        caches = []
        for layer in self.layers:
            x, cache = layer.forward(x, training)
            caches.append(cache)
        return x, caches

    def backward(self, dy: Array, caches: list[Any]) -> Array:
        for layer, cache in zip(reversed(self.layers), reversed(caches), strict=True):
            dy = layer.backward(dy, cache)
        return dy


class Residual(Layer):
    """y = branch(x) + shortcut(x), where the shortcut is x itself unless given.

    Backward: a sum hands dy to both sides, and x, used twice, receives the sum of what comes
    back: dx = branch.backward(dy) + shortcut.backward(dy).

    Args:
        branch: a layer, or a list of them applied in turn.
        shortcut: the same, for when the branch changes the shape (a 1x1 convolution, say).
    Raises:
        ShapeError: branch and shortcut end in different shapes.
    Source: He et al., Deep Residual Learning for Image Recognition (2016), eq. 1 and 2.

    >>> from chainrule.layers import Dense, ReLU
    >>> Residual([Dense(4), ReLU(), Dense(4)]).build((4,))
    (4,)
    """

    def __init__(
        self, branch: Layer | Sequence[Layer], shortcut: Layer | Sequence[Layer] | None = None
    ) -> None:
        self.branch = as_sequential(branch)
        self.shortcut = None if shortcut is None else as_sequential(shortcut)

    def children(self) -> Mapping[str, Layer]:
        if self.shortcut is None:
            return {"branch": self.branch}
        return {"branch": self.branch, "shortcut": self.shortcut}

    def setup(self, input_shape: Shape) -> Shape:
        shape = setup_child("branch", self.branch, input_shape)
        past = input_shape
        if self.shortcut is not None:
            past = setup_child("shortcut", self.shortcut, input_shape)
        if shape != past:
            raise ShapeError(
                f"adds a branch of shape {shape} to a shortcut of shape {past}: make the branch "
                "end in the input's shape, or give a shortcut that changes it likewise"
            )
        return shape

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[Any, Any]]:
        y, branch_cache = self.branch.forward(x, training)
        if self.shortcut is None:
            return y + x, (branch_cache, None)
        past, shortcut_cache = self.shortcut.forward(x, training)
        return y + past, (branch_cache, shortcut_cache)

    def backward(self, dy: Array, cache: tuple[Any, Any]) -> Array:
        branch_cache, shortcut_cache = cache
        dx = self.branch.backward(dy, branch_cache)
        if self.shortcut is None:
            return dx + dy
        return dx + self.shortcut.backward(dy, shortcut_cache)


class Gated(Layer):
    """y = x · gate(x): the gate weighs every channel of an image, or every value.

    Squeeze-and-excitation is a gate that looks at the mean of each channel:

        Gated([GlobalAveragePool2D(), Dense(4), ReLU(), Dense(64), Sigmoid()])

    Shapes: x and y are equal, (N, …, channels); gate(x) (N, channels), each factor for all pixels
    of its channel, or the shape of x.
    Backward: the product rule, with x used twice. d(gate) = Σ dy x over the pixels that share a
    factor, and dx = dy gate(x) + gate.backward(d(gate)).

    Args:
        gate: a layer, or a list of them applied in turn.
    Raises:
        ShapeError: the gate ends in another shape.
    Source: Hu, Shen & Sun, Squeeze-and-Excitation Networks (2018), eq. 2 to 4.

    >>> from chainrule.layers import Sigmoid
    >>> layer = Gated(Sigmoid())
    >>> layer.build(3)
    (3,)
    >>> layer.forward(np.array([[-100.0, 0.0, 100.0]]))[0].round(6)
    array([[ -0.,   0., 100.]])
    """

    def __init__(self, gate: Layer | Sequence[Layer]) -> None:
        self.gate = as_sequential(gate)
        self.pixels: tuple[int, ...] = ()  # the axes along which a factor is the same

    def children(self) -> Mapping[str, Layer]:
        return {"gate": self.gate}

    def setup(self, input_shape: Shape) -> Shape:
        shape = setup_child("gate", self.gate, input_shape)
        if shape not in (input_shape, input_shape[-1:]):
            raise ShapeError(
                f"multiplies inputs of shape {input_shape} by a gate of shape {shape}: make it "
                f"end in {input_shape[-1:]}, a factor for each channel, or in the input's shape"
            )
        self.pixels = () if shape == input_shape else tuple(range(1, len(input_shape)))
        return input_shape

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Array, Any]]:
        factors, gate_cache = self.gate.forward(x, training)
        if self.pixels:
            factors = np.expand_dims(factors, self.pixels)
        return x * factors, (x, factors, gate_cache)

    def backward(self, dy: Array, cache: tuple[Array, Array, Any]) -> Array:
        x, factors, gate_cache = cache
        dfactors = dy * x
        if self.pixels:
            dfactors = dfactors.sum(axis=self.pixels)
        return dy * factors + self.gate.backward(dfactors, gate_cache)


class Concatenate(Layer):
    """y = [branch_1(x), branch_2(x), …], side by side along the last axis.

    Backward: dy is cut into the branches' parts, and x, used by each of them, receives the sum
    of what comes back.

    Args:
        branches: each a layer, or a list of layers applied in turn.
    Raises:
        ShapeError: the branches' outputs differ in more than the last axis.
    Source: Szegedy et al., Going Deeper with Convolutions (2015), section 4.

    >>> from chainrule.layers import Dense, Identity
    >>> Concatenate([Identity(), Dense(3)]).build((4,))
    (7,)
    """

    def __init__(self, branches: Sequence[Layer | Sequence[Layer]]) -> None:
        if not isinstance(branches, Sequence) or not branches:
            raise ArgumentError(f"Concatenate needs a list of branches, received {branches!r}")
        self.branches = [as_sequential(branch) for branch in branches]

    def children(self) -> Mapping[str, Layer]:
        return {str(position): branch for position, branch in enumerate(self.branches)}

    def setup(self, input_shape: Shape) -> Shape:
        shapes = [
            setup_child(name, branch, input_shape) for name, branch in self.children().items()
        ]
        if len({shape[:-1] for shape in shapes}) > 1:
            raise ShapeError(
                f"joins outputs along their last axis, but their shapes are {shapes}: "
                "all but the last size must be equal"
            )
        self.ends = np.cumsum([shape[-1] for shape in shapes])
        return (*shapes[0][:-1], int(self.ends[-1]))

    def forward(self, x: Array, training: bool = False) -> tuple[Array, list[Any]]:
        parts, caches = zip(*(branch.forward(x, training) for branch in self.branches), strict=True)
        return np.concatenate(parts, axis=-1), list(caches)

    def backward(self, dy: Array, caches: list[Any]) -> Array:
        parts = np.split(dy, self.ends[:-1], axis=-1)
        first, *others = (
            branch.backward(part, cache)
            for branch, part, cache in zip(self.branches, parts, caches, strict=True)
        )
        return sum(others, start=first)


def check_layers(layers: Sequence[Layer]) -> list[Layer]:
    """A list of layers, or an error that says what stands in it instead."""
    if not isinstance(layers, Sequence):
        raise ArgumentError(f"expected a list of layers, received {layers!r}")
    for position, layer in enumerate(layers):
        check_layer(layer, position)
    return list(layers)


def check_layer(layer: Any, position: int) -> None:
    """Refuse what is not a layer, such as a class (`ReLU`) in the place of a layer (`ReLU()`)."""
    if not isinstance(layer, Layer):
        hint = f": write {layer.__name__}()" if isinstance(layer, type) else ""
        raise ArgumentError(f"layer {position} is not a layer but {layer!r}{hint}")


def as_sequential(layers: Layer | Sequence[Layer]) -> Sequential:
    """One layer or several, as a Sequential, so that keys are alike: ``branch.0.W``."""
    if isinstance(layers, Sequential):
        return layers
    return Sequential([layers] if isinstance(layers, Layer) else layers)
