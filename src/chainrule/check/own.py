"""chainrule's own layers and networks as a `Subject`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.check import effort
from chainrule.check.findings import Finding
from chainrule.check.randomness import random_like
from chainrule.check.subject import Answer, CannotCheckError, Subject, Values
from chainrule.configurable import build
from chainrule.errors import ChainruleError
from chainrule.layers.base import Layer
from chainrule.losses import LOSSES, Loss
from chainrule.network import Network
from chainrule.types import Array

NOISE = 1e-10
SHAPES = ((4,), (5, 6, 2), (6, 4, 3), (12,))


class OwnNetwork(Subject):
    """A chainrule layer or network, in float64 and with numbers in all its parameters.

    Args:
        loss: a chainrule loss, or its name; the random upstream gradient if left out.
    """

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


def own_behaviours(subject: OwnNetwork) -> list[Finding]:
    """What a chainrule layer promises besides right gradients: they add up, nothing that was
    handed in changes, and a cache belongs to its own forward pass."""
    findings = []
    output, caches = subject.forward(subject.values)
    dy = random_like(output, "behaviour")
    network = subject.network
    network.gradients.flat[:] = 0
    handed = dy.copy()
    network.backward(handed, caches)
    if not np.array_equal(handed, dy):
        findings.append(_promise("dy", "mutates-input", "dy holds other numbers after backward"))
    once = {name: network.gradients[name].copy() for name in network.gradients}
    network.backward(dy.copy(), caches)
    names = subject.names()
    for name, gradient in once.items():
        if np.abs(gradient).max() < NOISE:
            continue  # a bias before a normalization has no gradient
        if np.allclose(network.gradients[name], gradient, rtol=1e-12, atol=0):
            text = "the second backward pass wipes out what the first one found"
            findings.append(_promise(names[name], "overwrites", text, "add with `+=`"))
    x = subject.values["x"].copy()
    network.forward(x, training=True)
    if not np.array_equal(x, subject.values["x"]):
        findings.append(_promise("x", "mutates-input", "x holds other numbers after forward"))
    network.gradients.flat[:] = 0
    _, caches = subject.forward(subject.values)
    subject.forward({**subject.values, "x": -subject.values["x"]})
    dx = network.backward(dy.copy(), caches)
    network.gradients.flat[:] = 0
    _, caches = subject.forward(subject.values)
    if not np.allclose(dx, network.backward(dy.copy(), caches), rtol=1e-9, atol=1e-12):
        text = "another forward pass in between changes the gradient: something is kept on self"
        findings.append(_promise("dx", "stale-cache", text, "return it with the cache"))
    return findings


def _promise(
    gradient: str, code: str, evidence: str, advice: str = "compute a new array"
) -> Finding:
    return Finding(gradient, code, True, evidence, None, advice)
