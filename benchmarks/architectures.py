"""Networks drawn at random: rows of dense layers, and convolutional networks of three kinds.

A name such as ``0/17`` is a seed and a number, and always the same network. The even ones are
dense, the odd ones convolutional. How many parameters one is to have is drawn first, evenly on a
logarithmic scale; then networks are drawn until one of about that size comes, a step of which takes
a second at most.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

import chainrule as cr
from chainrule.layers.base import declared, join, set_up, walk
from workload import CROSS_ENTROPY, SQUARES, Workload

FEWEST, MOST = 1e3, 1e7  # parameters
NEAR = 1.5  # times as many parameters as were to be, or as few
MOST_OPERATIONS = 6e9  # in a step
MOST_NUMBERS = 5e7  # that the layers put out in a step: 200 MB, and PyTorch needs it several times
MOST_INPUTS = 4e6  # numbers in a batch
TRIES = 100_000

SIZES = [8, 10, 16, 20, 32, 50, 64, 100, 128, 200, 256, 300, 400, 512, 750, 1000, 1024, 1500, 2048]
CHANNELS = [4, 6, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192, 256, 512]
SIDES = [8, 12, 16, 20, 24, 32, 40, 48, 64]
BATCHES = [1, 2, 4, 8, 10, 16, 20, 32, 50, 64, 100, 128, 200, 256, 400, 512, 1000, 1024]
CLASSES = [2, 3, 10, 20, 47, 100]
ACTIVATIONS = [
    cr.ReLU, cr.ReLU, cr.ReLU, cr.LeakyReLU, cr.ELU, cr.SELU, cr.GELU, cr.SiLU, cr.Tanh, cr.Sigmoid,
    cr.Softplus,
]  # fmt: skip
OPTIMIZERS = [
    "adam",
    "adam",
    "adamw",
    "rmsprop(learning_rate=0.001)",
    "sgd(learning_rate=0.001)",
    "sgd(learning_rate=0.001, momentum=0.9)",
    "sgd(learning_rate=0.001, momentum=0.9, nesterov=True)",
]
SECONDS_OF_AN_EPOCH = 0.1  # about, at a rate that processors reach
OPERATIONS_IN_A_SECOND = 5e10


@dataclass(frozen=True)
class Architecture:
    """Layers and what they take.

    Args:
        kind: such as "residual 3x3", for its title.
        sizes: its widths or channels, for its title.
    """

    kind: str
    sizes: tuple[int, ...]
    input_shape: tuple[int, ...]
    layers: list[cr.Layer]

    @property
    def title(self) -> str:
        """Such as ``dense 64-100-10, ReLU, LayerNorm``."""
        inside = [type(layer).__name__ for _, layer in walk(cr.Sequential(self.layers))]
        kinds = [name for name in dict.fromkeys(inside) if name not in ("Sequential", "Dense")]
        shape = "x".join(map(str, self.input_shape))
        return f"{self.kind} {'-'.join([shape, *map(str, self.sizes)])}, {', '.join(kinds)}"

    @cached_property
    def root(self) -> cr.Sequential:
        """The layers with their shapes, and without their weights."""
        root = cr.Sequential(copy.deepcopy(self.layers))
        set_up(root, self.input_shape)
        return root

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(math.prod(one.shape) for one in declared(self.root).values() if one.trained)

    @property
    def operations(self) -> int:
        """Multiplications and additions of a step for one example: forward, and twice as many
        back."""
        shapes = {key: declaration.shape for key, declaration in declared(self.root).items()}
        total = 0
        for position, layer in walk(self.root):
            if isinstance(layer, (cr.Dense, cr.Conv2D)):
                positions = layer.windows.positions if isinstance(layer, cr.Conv2D) else ()
                total += math.prod(shapes[join(position, "W")]) * math.prod(positions)
        return 6 * total

    @property
    def numbers(self) -> int:
        """How many numbers the layers put out for one example."""
        rows = [layer for _, layer in walk(self.root) if isinstance(layer, cr.Sequential)]
        return sum(math.prod(shape) for row in rows for shape in row.output_shapes)


class Drawing:
    """Draws an architecture and how it is trained."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def one_of(self, options: Sequence[Any]) -> Any:
        return options[self.rng.integers(len(options))]

    def happens(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def one_near(self, options: Sequence[int], value: float) -> int:
        """An option that is at most twice as large as a value, and no less than half of it."""
        near = [option for option in options if value / 2 <= option <= value * 2]
        return int(self.one_of(near or options))

    def dense(self) -> Architecture:
        """Up to six hidden layers, none much wider than another."""
        inputs, width = self.one_of([2, 4, *SIZES]), self.one_of(SIZES)
        hidden = [self.one_near(SIZES, width) for _ in range(self.rng.integers(1, 7))]
        activation = self.one_of(ACTIVATIONS)
        norm = self.one_of([None, None, cr.BatchNorm, cr.LayerNorm])
        drops = self.happens(0.25)
        layers: list[cr.Layer] = []
        for size in hidden:
            layers += [cr.Dense(size), *([norm()] if norm else []), activation()]
            layers += [cr.Dropout(0.2)] if drops else []
        outputs = self.one_of(CLASSES)
        sizes = (*hidden, outputs)
        return Architecture("dense", sizes, (inputs,), [*layers, cr.Dense(outputs)])

    def convolutional(self) -> Architecture:
        """Up to three stages, each of which halves the image's sides."""
        kind = self.one_of(["plain", "plain", "residual", "separable"])
        side, inputs = self.one_of(SIDES), self.one_of([1, 3])
        channels = self.one_of(CHANNELS)
        self.activation, self.norm = self.one_of(ACTIVATIONS), self.one_of([None, cr.BatchNorm])
        self.kernel = self.one_of([3, 3, 3, 5])
        halving = self.one_of([cr.MaxPool2D, cr.AveragePool2D, None])
        layers, sizes, before = [], [], inputs
        for stage in range(self.rng.integers(1, 4)):
            for block in range(self.rng.integers(1, 3)):
                stride = 2 if halving is None and stage > 0 and block == 0 else 1
                layers += getattr(self, kind)(before, channels, stride)
                sizes.append(channels)
                before = channels
            layers += [halving(2)] if halving else []
            channels = self.one_of([channels, 2 * channels])
        outputs = self.one_of(CLASSES)
        layers += self.head(outputs)
        name = f"{kind} {self.kernel}x{self.kernel}"
        return Architecture(name, (*sizes, outputs), (side, side, inputs), layers)

    def behind_weights(self) -> list[cr.Layer]:
        return [*([self.norm()] if self.norm else []), self.activation()]

    def convolution(self, channels: int, stride: int = 1, groups: int = 1) -> cr.Layer:
        size = self.kernel
        return cr.Conv2D(channels, size, stride, padding=size // 2, groups=groups)

    def plain(self, before: int, channels: int, stride: int) -> list[cr.Layer]:
        return [self.convolution(channels, stride), *self.behind_weights()]

    def residual(self, before: int, channels: int, stride: int) -> list[cr.Layer]:
        branch = [
            self.convolution(channels, stride), *self.behind_weights(), self.convolution(channels),
            *([self.norm()] if self.norm else []),
        ]  # fmt: skip
        changes = before != channels or stride > 1
        shortcut = [cr.Conv2D(channels, 1, stride)] if changes else None
        return [cr.Residual(branch, shortcut), self.activation()]

    def separable(self, before: int, channels: int, stride: int) -> list[cr.Layer]:
        alone = [self.convolution(before, stride, groups=before), *self.behind_weights()]
        return [*alone, cr.Conv2D(channels, 1), *self.behind_weights()]

    def head(self, outputs: int) -> list[cr.Layer]:
        """From images to classes."""
        if self.happens(0.4):
            return [cr.GlobalAveragePool2D(), cr.Dense(outputs)]
        hidden = [cr.Dense(self.one_of(SIZES)), self.activation()] if self.happens(0.5) else []
        return [cr.Flatten(), *hidden, cr.Dense(outputs)]


def drawn(name: str) -> Workload:
    """The network of this name with its training."""
    seed, number = map(int, name.split("/"))
    draw = Drawing(np.random.default_rng([seed, number]))
    wanted = 10 ** draw.rng.uniform(np.log10(FEWEST), np.log10(MOST))
    for _ in range(TRIES):
        architecture = draw.convolutional() if number % 2 else draw.dense()
        batch = draw.one_of(BATCHES)
        if wanted / NEAR <= architecture.parameters <= wanted * NEAR and fits(architecture, batch):
            return training(draw, architecture, batch)
    raise RuntimeError(f"no network of {wanted:.0f} parameters came in {TRIES} tries")


def fits(architecture: Architecture, batch: int) -> bool:
    """True if a step is not too large, and batch norm has something to take a mean of."""
    norms = any(isinstance(layer, cr.BatchNorm) for _, layer in walk(architecture.root))
    return (
        FEWEST <= architecture.parameters <= MOST
        and batch * architecture.operations <= MOST_OPERATIONS
        and batch * architecture.numbers <= MOST_NUMBERS
        and batch * math.prod(architecture.input_shape) <= MOST_INPUTS
        and not (norms and batch < 8)
    )


def training(draw: Drawing, architecture: Architecture, batch: int) -> Workload:
    """How an architecture is trained: on as many examples as make an epoch neither long nor so
    short that its beginning counts."""
    optimizer, loss = draw.one_of(OPTIMIZERS), draw.one_of([CROSS_ENTROPY, CROSS_ENTROPY, SQUARES])
    seconds_of_a_step = batch * architecture.operations / OPERATIONS_IN_A_SECOND
    steps = int(np.clip(SECONDS_OF_AN_EPOCH / seconds_of_a_step, 4, 1000))
    in_memory = int(MOST_INPUTS // (batch * math.prod(architecture.input_shape)))
    return Workload(
        architecture.title,
        lambda: copy.deepcopy(architecture.layers),
        architecture.input_shape,
        batch * max(4, min(steps, 16 * in_memory)),
        batch,
        loss,
        optimizer,
        goals=(1, 1),
        compared_in="float64",
    )
