"""A model of Keras, layer after layer, in evaluation.

Only what every version and backend of Keras has is used: `layers`, `get_weights`,
`set_weights`, `activation`, and that a layer can be called. That gives outputs; gradients it
does not.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.explain.comparing.steps import Step
from chainrule.layers import ACTIVATIONS, Layer
from chainrule.layouts import Layout, Order
from chainrule.types import Array

KINDS = {
    "BatchNormalization": "BatchNorm",
    "LayerNormalization": "LayerNorm",
    "MaxPooling2D": "MaxPool2D",
    "AveragePooling2D": "AveragePool2D",
    "GlobalAveragePooling2D": "GlobalAveragePool2D",
    "GlobalMaxPooling2D": "GlobalMaxPool2D",
    "Conv2DTranspose": "ConvTranspose2D",
}


class KerasModel:
    """The layers of a Keras model that runs them one after the other.

    A layer of Keras that holds an activation within itself stands for two layers here; what it
    gives is compared with what the second one gives.
    """

    order: Order = "channels last"

    def __init__(self, model: Any) -> None:
        self.layers = [one for one in model.layers if type(one).__name__ != "InputLayer"]
        self.places: dict[int, Any] = {}  # layers of Keras, by the place of their first step
        self.weights: dict[int, list[Array]] = {}

    def kinds(self, x: Array) -> list[str]:
        """The names that its layers have here."""
        kinds: list[str] = []
        for layer in self.layers:
            self.places[len(kinds)] = layer
            kind, activation = type(layer).__name__, _activation(layer)
            if kind != "Activation":
                kinds.append(KINDS.get(kind, kind))
            if activation:
                kinds.append(activation)
        return kinds

    def carry(self, place: int, layer: Layer, layout: Layout) -> None:
        """Remember a layer's arrays, in the order of Keras, for the run."""
        ours = [layout.parameter(layer, getattr(layer, name)) for name in layer._declarations()]
        if not ours:
            return
        theirs = self.places[place]
        shapes = [weights.shape for weights in theirs.get_weights()]
        if shapes != [weights.shape for weights in ours]:
            raise ArgumentError(
                f"{layer!r} has arrays of shapes {[weights.shape for weights in ours]}, but "
                f"{theirs.name!r} of Keras has {shapes}: the two models differ"
            )
        self.weights[place] = ours

    def run(self, x: Array, dy: Array) -> list[Step]:
        """Forward, with our arrays in the place of its own, which it has back afterwards."""
        before = {place: self.places[place].get_weights() for place in self.weights}
        try:
            for place, ours in self.weights.items():
                self.places[place].set_weights(ours)
            return self._forward(x.astype(np.float32))
        finally:
            for place, theirs in before.items():
                self.places[place].set_weights(theirs)

    def _forward(self, x: Any) -> list[Step]:
        passed: list[Step] = []
        for layer in self.places.values():
            x = layer(x, training=False) if _knows_training(layer) else layer(x)
            has_two = type(layer).__name__ != "Activation" and bool(_activation(layer))
            passed += [Step(layer.name, None)] * has_two
            passed.append(Step(layer.name, _array(x)))
        return passed


def _activation(layer: Any) -> str:
    """The name that the activation within a layer has here; empty where there is none."""
    name = getattr(getattr(layer, "activation", None), "__name__", "linear")
    return ACTIVATIONS[name].__name__ if name in ACTIVATIONS and name != "linear" else ""


def _knows_training(layer: Any) -> bool:
    """True if a layer does something else in training."""
    return type(layer).__name__ in ("BatchNormalization", "Dropout", "SpatialDropout2D")


def _array(tensor: Any) -> Array:
    return np.asarray(tensor.detach() if hasattr(tensor, "detach") else tensor)
