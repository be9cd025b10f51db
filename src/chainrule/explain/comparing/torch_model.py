"""A module of PyTorch, run on a copy in double precision, in evaluation."""

from __future__ import annotations

import copy
from importlib import import_module
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.explain.comparing.steps import Step
from chainrule.layers import Layer
from chainrule.layouts import TORCH_NAMES, Layout, Order
from chainrule.types import Array

KINDS = {
    "Linear": "Dense",
    "Conv1d": "Conv1D",
    "Conv2d": "Conv2D",
    "ConvTranspose2d": "ConvTranspose2D",
    "BatchNorm1d": "BatchNorm",
    "BatchNorm2d": "BatchNorm",
    "Dropout2d": "SpatialDropout2D",
    "MaxPool2d": "MaxPool2D",
    "AvgPool2d": "AveragePool2D",
    "AdaptiveAvgPool2d": "GlobalAveragePool2D",
    "AdaptiveMaxPool2d": "GlobalMaxPool2D",
    "Hardsigmoid": "HardSigmoid",
}


class TorchModel:
    """The leaves of a module, in the order in which they run."""

    order: Order = "channels first"

    def __init__(self, module: Any) -> None:
        self.torch: Any = import_module("torch")
        self.module = copy.deepcopy(module).double().eval()
        self.leaves: list[Any] = []
        for leaf in self.module.modules():
            if getattr(leaf, "inplace", False):
                leaf.inplace = False  # what a layer put out must still be there afterwards

    def kinds(self, x: Array) -> list[str]:
        """What runs on x, by the names that layers have here."""
        self.leaves = [leaf for leaf, _ in self._forward(self._tensor(x))]
        names = [type(leaf).__name__ for leaf in self.leaves]
        return [KINDS.get(name, name) for name in names]

    def carry(self, place: int, layer: Layer, layout: Layout) -> None:
        """Copy a layer's arrays into the module's copy."""
        leaf = self.leaves[place]
        for name in layer._declarations():
            called = TORCH_NAMES.get(name, name)
            theirs = getattr(leaf, called, None)
            ours = layout.parameter(layer, getattr(layer, name))
            if theirs is None or tuple(theirs.shape) != ours.shape:
                shape = "none" if theirs is None else tuple(theirs.shape)
                raise ArgumentError(
                    f"{layer!r} has {name} of shape {ours.shape} in PyTorch's order, but "
                    f"{leaf} has {called} of shape {shape}: the two models differ"
                )
            with self.torch.no_grad():
                theirs.copy_(self._tensor(ours))

    def run(self, x: Array, dy: Array) -> list[Step]:
        """Forward and backward, with every leaf's output and gradients."""
        for parameter in self.module.parameters():
            parameter.grad = None
        passed = self._forward(self._tensor(x).requires_grad_())
        passed[-1][1].backward(self._tensor(dy).reshape(passed[-1][1].shape))
        return [
            Step(
                type(leaf).__name__,
                _array(y),
                None if y.grad is None else _array(y.grad),
                _gradients(leaf),
            )
            for leaf, y in passed
        ]

    def _forward(self, x: Any) -> list[tuple[Any, Any]]:
        """Run the module; each leaf with its output."""
        passed: list[tuple[Any, Any]] = []

        def note(leaf: Any, _: Any, y: Any) -> None:
            if y.requires_grad:
                y.retain_grad()
            passed.append((leaf, y))

        leaves = [leaf for leaf in self.module.modules() if not list(leaf.children())]
        handles = [leaf.register_forward_hook(note) for leaf in leaves]
        try:
            self.module(x)
        finally:
            for handle in handles:
                handle.remove()
        return passed

    def _tensor(self, array: Array) -> Any:
        return self.torch.tensor(np.ascontiguousarray(array, np.float64))


def _array(tensor: Any) -> Array:
    return np.asarray(tensor.detach().numpy())


def _gradients(leaf: Any) -> dict[str, Array]:
    """The gradients of a leaf's parameters, by the names they have here."""
    has_scale = "Norm" in type(leaf).__name__
    names = {"weight": "gamma", "bias": "beta"} if has_scale else {"weight": "W", "bias": "b"}
    return {
        names[name]: _array(parameter.grad)
        for name, parameter in leaf.named_parameters(recurse=False)
        if name in names and parameter.grad is not None
    }
