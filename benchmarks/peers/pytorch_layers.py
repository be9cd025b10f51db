"""chainrule's layers as PyTorch modules with the same weights, and its optimizers.

A new layer is an entry of `MODULES`. PyTorch has an image's channels before its rows and columns,
and its modules are used as they come; so what Flatten leaves lies in another order there, and the
dense layer behind it has its weights in that order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import nn

import chainrule as cr
from workload import Array


def model_of(network: cr.Network) -> nn.Module:
    """The network in PyTorch, with its weights as they are."""
    made: nn.Module = Modules().of(network.root, network.input_shape)
    return made.to(getattr(torch, network.dtype.name))


def as_tensor(x: Array) -> torch.Tensor:
    """Examples in PyTorch's order."""
    if x.ndim == 4:
        x = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    return torch.from_numpy(x)


class Modules:
    """Makes the modules of a network, layer after layer."""

    def __init__(self) -> None:
        self.made: dict[cr.Layer, nn.Module] = {}  # a layer in two places is one module
        self.flattened: tuple[int, ...] | None = None  # the image whose numbers come next

    def of(self, layer: cr.Layer, shape: tuple[int, ...]) -> nn.Module:
        """The module for a layer that has inputs of this shape."""
        if type(layer) not in MODULES:
            raise ValueError(f"no entry of MODULES makes a {type(layer).__name__} in PyTorch")
        if layer not in self.made:
            self.made[layer] = MODULES[type(layer)](self, layer, shape)
        return self.made[layer]

    def branch(self, layer: cr.Layer, shape: tuple[int, ...]) -> nn.Module:
        """The module for one of several layers with the same input."""
        if self.flattened is not None:
            raise ValueError("put a dense layer between Flatten and layers side by side")
        return self.of(layer, shape)


class Residual(nn.Module):
    def __init__(self, branch: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.branch, self.shortcut = branch, shortcut

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.branch(x) + self.shortcut(x)


class Gated(nn.Module):
    def __init__(self, gate: nn.Module) -> None:
        super().__init__()
        self.gate = gate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        factors = self.gate(x)
        return x * factors.reshape(*factors.shape, *[1] * (x.ndim - factors.ndim))


class StochasticDepth(nn.Module):
    """As in torchvision, with mode="row"."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.training or not self.rate:
            return x
        stays = torch.rand(len(x), *[1] * (x.ndim - 1), dtype=x.dtype) >= self.rate
        return x * stays / (1 - self.rate)


class Concatenate(nn.Module):
    def __init__(self, branches: Iterable[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class ChannelsLast(nn.Module):
    """A module that works on the last axis, on images."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.module(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def parameter(values: Array) -> nn.Parameter:
    return nn.Parameter(torch.from_numpy(values.copy(order="C")))


def sequential(modules: Modules, layer: cr.Sequential, shape: Any) -> nn.Module:
    shapes = [shape, *layer.output_shapes]
    return nn.Sequential(*(modules.of(*one) for one in zip(layer.layers, shapes, strict=False)))


def residual(modules: Modules, layer: cr.Residual, shape: Any) -> nn.Module:
    branch = modules.branch(layer.branch, shape)
    has_shortcut = layer.shortcut is not None
    return Residual(branch, modules.of(layer.shortcut, shape) if has_shortcut else nn.Identity())


def gated(modules: Modules, layer: cr.Gated, shape: Any) -> nn.Module:
    return Gated(modules.branch(layer.gate, shape))


def concatenate(modules: Modules, layer: cr.Concatenate, shape: Any) -> nn.Module:
    return Concatenate(modules.branch(branch, shape) for branch in layer.branches)


def dense(modules: Modules, layer: cr.Dense, shape: Any) -> nn.Module:
    W, image = layer.W, modules.flattened
    if image is not None:
        W = W.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(W.shape)
        modules.flattened = None
    made = nn.Linear(*W.shape, bias=layer.bias)
    made.weight = parameter(W.T)
    if layer.bias:
        made.bias = parameter(layer.b)
    return made


def convolution(modules: Modules, layer: cr.Conv2D, shape: Any) -> nn.Module:
    windows = layer.windows
    border, padding = border_and_padding(windows, 0.0)
    made = nn.Conv2d(
        shape[2], layer.out_channels, windows.kernel_size, windows.stride, padding,
        windows.dilation, layer.groups, bias=layer.bias,
    )  # fmt: skip
    made.weight = parameter(layer.W.transpose(3, 2, 0, 1))
    if layer.bias:
        made.bias = parameter(layer.b)
    return behind(border, made)


def max_pool(modules: Modules, layer: cr.MaxPool2D, shape: Any) -> nn.Module:
    windows = layer.windows
    border, padding = border_and_padding(windows, -torch.inf)
    return behind(border, nn.MaxPool2d(windows.kernel_size, windows.stride, padding))


def average_pool(modules: Modules, layer: cr.AveragePool2D, shape: Any) -> nn.Module:
    windows = layer.windows
    if windows.before != windows.after:
        raise ValueError(f"PyTorch has no average over windows with padding={layer.padding!r}")
    counts = layer.padding != "same"
    return nn.AvgPool2d(
        windows.kernel_size, windows.stride, windows.before, count_include_pad=counts
    )


def border_and_padding(windows: Any, fill: float) -> tuple[nn.Module | None, Any]:
    """PyTorch pads alike on both sides; what is padded otherwise gets a border of its own."""
    (top, left), (bottom, right) = windows.before, windows.after
    if (top, left) == (bottom, right):
        return None, (top, left)
    return nn.ConstantPad2d((left, right, top, bottom), fill), (0, 0)


def behind(border: nn.Module | None, module: nn.Module) -> nn.Module:
    return module if border is None else nn.Sequential(border, module)


def prelu(modules: Modules, layer: cr.PReLU, shape: Any) -> nn.Module:
    """All slopes are equal at first, whatever the order of the features."""
    made = nn.PReLU(len(layer.alpha))
    made.weight = parameter(layer.alpha)
    return made


def flatten(modules: Modules, layer: cr.Flatten, shape: Any) -> nn.Module:
    if len(shape) == 3:
        modules.flattened = shape
    return nn.Flatten()


def global_max_pool(modules: Modules, layer: cr.Layer, shape: Any) -> nn.Module:
    return nn.Sequential(nn.AdaptiveMaxPool2d(1), nn.Flatten())


def global_average_pool(modules: Modules, layer: cr.Layer, shape: Any) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())


def batch_norm(modules: Modules, layer: cr.BatchNorm, shape: Any) -> nn.Module:
    kind = nn.BatchNorm2d if len(shape) == 3 else nn.BatchNorm1d
    made = kind(shape[-1], layer.epsilon, layer.momentum)
    return with_scale_and_shift(made, layer)


def layer_norm(modules: Modules, layer: cr.LayerNorm, shape: Any) -> nn.Module:
    made = with_scale_and_shift(nn.LayerNorm(shape[-1], layer.epsilon), layer)
    return ChannelsLast(made) if len(shape) == 3 else made


def with_scale_and_shift(module: nn.Module, layer: Any) -> nn.Module:
    """All scales are equal at first, and all shifts, whatever the order of the features."""
    module.weight, module.bias = parameter(layer.gamma), parameter(layer.beta)
    return module


MODULES: dict[type[cr.Layer], Callable[..., nn.Module]] = {
    cr.Sequential: sequential,
    cr.Residual: residual,
    cr.Gated: gated,
    cr.Concatenate: concatenate,
    cr.Dense: dense,
    cr.Conv2D: convolution,
    cr.MaxPool2D: max_pool,
    cr.AveragePool2D: average_pool,
    cr.GlobalMaxPool2D: global_max_pool,
    cr.GlobalAveragePool2D: global_average_pool,
    cr.Flatten: flatten,
    cr.BatchNorm: batch_norm,
    cr.LayerNorm: layer_norm,
    cr.Dropout: lambda modules, layer, shape: nn.Dropout(layer.rate),
    cr.SpatialDropout2D: lambda modules, layer, shape: nn.Dropout2d(layer.rate),
    cr.StochasticDepth: lambda modules, layer, shape: StochasticDepth(layer.rate),
    cr.Identity: lambda modules, layer, shape: nn.Identity(),
    cr.ReLU: lambda modules, layer, shape: nn.ReLU(),
    cr.LeakyReLU: lambda modules, layer, shape: nn.LeakyReLU(layer.slope),
    cr.PReLU: prelu,
    cr.ELU: lambda modules, layer, shape: nn.ELU(layer.alpha),
    cr.SELU: lambda modules, layer, shape: nn.SELU(),
    cr.GELU: lambda modules, layer, shape: nn.GELU(layer.approximate),
    cr.SiLU: lambda modules, layer, shape: nn.SiLU(),
    cr.Mish: lambda modules, layer, shape: nn.Mish(),
    cr.Sigmoid: lambda modules, layer, shape: nn.Sigmoid(),
    cr.HardSigmoid: lambda modules, layer, shape: nn.Hardsigmoid(),
    cr.Tanh: lambda modules, layer, shape: nn.Tanh(),
    cr.Softplus: lambda modules, layer, shape: nn.Softplus(),
    cr.Softmax: lambda modules, layer, shape: nn.Softmax(dim=1),
    cr.LogSoftmax: lambda modules, layer, shape: nn.LogSoftmax(dim=1),
}


def optimizer_of(optimizer: cr.Optimizer, parameters: Iterable[nn.Parameter]) -> Any:
    """PyTorch's optimizer with the same settings."""
    return OPTIMIZERS[type(optimizer)](optimizer, parameters)


def sgd(o: cr.SGD, parameters: Any) -> Any:
    return torch.optim.SGD(parameters, o.learning_rate, o.momentum, nesterov=o.nesterov)


def adam(o: cr.Adam, parameters: Any) -> Any:
    return torch.optim.Adam(parameters, o.learning_rate, (o.beta_1, o.beta_2), o.epsilon)


def adam_w(o: cr.AdamW, parameters: Any) -> Any:
    betas = o.beta_1, o.beta_2
    return torch.optim.AdamW(parameters, o.learning_rate, betas, o.epsilon, o.weight_decay)


def rms_prop(o: cr.RMSprop, parameters: Any) -> Any:
    return torch.optim.RMSprop(parameters, o.learning_rate, o.rho, o.epsilon)


OPTIMIZERS: dict[type[cr.Optimizer], Callable[..., Any]] = {
    cr.SGD: sgd,
    cr.Adam: adam,
    cr.AdamW: adam_w,
    cr.RMSprop: rms_prop,
}
