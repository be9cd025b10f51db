"""The layers of the networks that are measured."""

from __future__ import annotations

import itertools

import chainrule as cr
from workload import Layers


def dense(
    *sizes: int, activation: type[cr.Layer] = cr.ReLU, last: type[cr.Layer] | None = None
) -> Layers:
    """Dense layers with activations between them, and another behind the last where given."""

    def layers() -> list[cr.Layer]:
        made: list[cr.Layer] = []
        for size in sizes:
            made += [cr.Dense(size), activation()]
        return made[:-1] if last is None else [*made[:-1], last()]

    return layers


def lenet() -> list[cr.Layer]:
    """LeCun et al. (1998), with ReLU and max-pooling."""
    return [
        cr.Conv2D(6, 5), cr.ReLU(), cr.MaxPool2D(2),
        cr.Conv2D(16, 5), cr.ReLU(), cr.MaxPool2D(2),
        cr.Flatten(), cr.Dense(120), cr.ReLU(), cr.Dense(84), cr.ReLU(), cr.Dense(10),
    ]  # fmt: skip


def small_cnn() -> list[cr.Layer]:
    """Two convolutions and a dense layer, for 47 classes."""
    return [
        cr.Conv2D(32, 3), cr.ReLU(), cr.MaxPool2D(2),
        cr.Conv2D(64, 3), cr.ReLU(), cr.MaxPool2D(2),
        cr.Flatten(), cr.Dense(128), cr.ReLU(), cr.Dense(47),
    ]  # fmt: skip


def colour_cnn() -> list[cr.Layer]:
    """Three convolutions with batch norm on colour images."""
    return [
        cr.Conv2D(32, 3, padding="same"), cr.BatchNorm(), cr.ReLU(),
        cr.Conv2D(32, 3, padding="same"), cr.BatchNorm(), cr.ReLU(), cr.MaxPool2D(2),
        cr.Conv2D(64, 3, padding="same"), cr.BatchNorm(), cr.ReLU(), cr.MaxPool2D(2),
        cr.Flatten(), cr.Dense(10),
    ]  # fmt: skip


def with_batch_norm_and_dropout() -> list[cr.Layer]:
    """Two wide dense layers, for ten classes."""
    hidden = [[cr.Dense(512), cr.BatchNorm(), cr.ReLU(), cr.Dropout(0.5)] for _ in range(2)]
    return [*itertools.chain(*hidden), cr.Dense(10)]


def with_layer_norm() -> list[cr.Layer]:
    """Three dense layers with SiLU, for ten classes."""
    hidden = [[cr.Dense(256), cr.LayerNorm(), cr.SiLU()] for _ in range(3)]
    return [*itertools.chain(*hidden), cr.Dense(10)]


def resnet() -> list[cr.Layer]:
    """Residual blocks of 16 and of 32 channels, as in He et al. (2016), section 4.2."""
    return [
        cr.Conv2D(16, 3, padding=1), cr.BatchNorm(), cr.ReLU(),
        residual(16), cr.ReLU(), residual(16), cr.ReLU(),
        residual(32, stride=2, projects=True), cr.ReLU(), residual(32), cr.ReLU(),
        cr.GlobalAveragePool2D(), cr.Dense(10),
    ]  # fmt: skip


def residual(channels: int, stride: int = 1, projects: bool = False) -> cr.Layer:
    """Two 3x3 convolutions with batch norm, and a shortcut, projected where the shape changes."""
    branch = [
        cr.Conv2D(channels, 3, stride, padding=1), cr.BatchNorm(), cr.ReLU(),
        cr.Conv2D(channels, 3, padding=1), cr.BatchNorm(),
    ]  # fmt: skip
    projection = [cr.Conv2D(channels, 1, stride), cr.BatchNorm()]
    return cr.Residual(branch, projection if projects else None)


def average_pooled_cnn() -> list[cr.Layer]:
    """Two wide 5x5 convolutions with average pooling."""
    return [
        cr.Conv2D(64, 5, padding=2), cr.ReLU(), cr.AveragePool2D(2),
        cr.Conv2D(64, 5, padding=2), cr.ReLU(), cr.AveragePool2D(2),
        cr.Flatten(), cr.Dense(10),
    ]  # fmt: skip


def separable_cnn() -> list[cr.Layer]:
    """Depthwise-separable convolutions, as in MobileNet (Howard et al. 2017)."""
    return [
        cr.Conv2D(32, 3, padding=1), cr.BatchNorm(), cr.ReLU(),
        *separable(32, 64), *separable(64, 128, stride=2), *separable(128, 128),
        cr.GlobalAveragePool2D(), cr.Dense(10),
    ]  # fmt: skip


def separable(inputs: int, outputs: int, stride: int = 1) -> list[cr.Layer]:
    """A 3x3 convolution of each channel alone, and one of 1x1 over all of them."""
    return [
        cr.Conv2D(inputs, 3, stride, padding=1, groups=inputs), cr.BatchNorm(), cr.ReLU(),
        cr.Conv2D(outputs, 1), cr.BatchNorm(), cr.ReLU(),
    ]  # fmt: skip


def vgg() -> list[cr.Layer]:
    """Pairs of 3x3 convolutions, as in Simonyan & Zisserman (2015)."""
    pairs = [
        [
            cr.Conv2D(channels, 3, padding=1), cr.ReLU(),
            cr.Conv2D(channels, 3, padding=1), cr.ReLU(), cr.MaxPool2D(2),
        ]
        for channels in (64, 128)
    ]  # fmt: skip
    return [*itertools.chain(*pairs), cr.Flatten(), cr.Dense(256), cr.ReLU(), cr.Dense(10)]
