"""chainrule's own layers and networks as a `Subject`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.configurable import build
from chainrule.doctor.subjects.subject import Answer, Subject
from chainrule.errors import ChainruleError
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.objects.state import Values
from chainrule.foreign.running import effort
from chainrule.foreign.running.randomness import random_like
from chainrule.layers.base import Layer
from chainrule.losses import LOSSES, Loss
from chainrule.network import Network
from chainrule.types import Array

SHAPES = ((4,), (5, 6, 2), (6, 4, 3), (12,))


class ChainruleNetwork(Subject):
    """A chainrule layer or network, in float64 and with numbers in all its parameters.

    Args:
        loss: a chainrule loss, or its name; the random upstream gradient if left out.
    """

    is_own = True

    def __init__(self, subject: Layer | Network, x: Any = None, y: Any = None, loss: Any = None):
        self.name = type(subject).__name__
        self.is_layer, self.notes = not isinstance(subject, Network), []
        self.network = self._in_float64(subject, x)
        if x is None:
            x = random_like(np.empty((3, *self.network.input_shape)), "x")
        self.x = np.asarray(x, np.float64)
        self.y, self.given_loss = y, loss
        self.batch = len(self.x)
        self.values = {"x": self.x}
        for name, array in self.network.parameters.items():
            self.values[name] = array.copy()
        output, _ = self.forward(self.values)
        self.dy = None if loss is not None else random_like(output, "upstream")

    def _in_float64(self, subject: Layer | Network, x: Any) -> Network:
        if isinstance(subject, Network):
            network = Network(subject.layers, subject.input_shape, subject.seed, "float64")
            network.parameters.flat[:] = subject.parameters.flat
            network.buffers.flat[:] = subject.buffers.flat
            return network
        network = self._around(subject, x)
        if subject.is_built:
            for name in network.parameters:
                network.parameters[name][...] = getattr(subject, name.partition(".")[2], 0.0)
        noise = 0.3 * random_like(network.parameters.flat, "parameters")
        network.parameters.flat[:] += noise  # no zero bias and no scale of one hides a mistake
        network.buffers.flat[:] += np.abs(random_like(network.buffers.flat, "buffers"))
        return network

    def _around(self, layer: Layer, x: Any) -> Network:
        """A network of one layer, for the input, or for the first shape that it takes."""
        shapes = SHAPES if x is None else (np.shape(x)[1:],)
        for shape in shapes:
            try:
                return Network([copy.deepcopy(layer)], shape, dtype="float64")
            except ChainruleError as error:
                last = error
        raise CannotCheckError(f"{self.name}: {last}")

    def forward(self, values: Values) -> tuple[Array, Any]:
        """The output and the caches of a forward pass in training, the same in every run."""
        for name in self.network.parameters:
            self.network.parameters[name] = values[name]
        self.network.start_epoch(0)  # random layers draw what they drew before
        buffers = self.network.buffers.flat.copy()
        x = values["x"].copy()
        effort.add_copies(values)
        output, caches = effort.counted(self.network.forward, x, training=True)
        self.network.buffers.flat[:] = buffers
        return output, caches

    def _loss(self) -> Loss:
        return build(self.given_loss, LOSSES, "loss")

    def loss(self, values: Values) -> float:
        output, _ = self.forward(values)
        if self.dy is not None:
            return float(np.sum(self.dy * output))
        return self._loss().forward(output, np.asarray(self.y))[0] + self.network.penalty()

    def gradients(self, values: Values) -> Answer:
        output, caches = self.forward(values)
        self.network.gradients.flat[:] = 0
        if self.dy is not None:
            dx = effort.counted(self.network.backward, self.dy.copy(), caches)
        else:
            loss = self._loss()
            _, cache = loss.forward(output, np.asarray(self.y))
            dx = effort.counted(self.network.backward, loss.backward(cache), caches)
            for name, regularizer in self.network.state.regularizers.items():
                regularizer.add_gradient(values[name], self.network.gradients[name])
        gradients: dict[str, Array | None] = {"x": np.array(dx)}
        gradients |= {name: self.network.gradients[name].copy() for name in self.network.gradients}
        return Answer(gradients, self.names(), output, self.dy)

    def names(self) -> dict[str, str]:
        """What each gradient is called: ``dW`` for a layer alone, ``3.dW`` in a network."""
        names = {"x": "dx"}
        for name in self.network.parameters:
            place, _, end = name.rpartition(".")
            names[name] = f"d{end}" if self.is_layer and place == "0" else f"{place}.d{end}"
        return names

    def functions(self) -> list[Callable[..., Any]]:
        return [type(layer).backward for layer in self.network.layers]
