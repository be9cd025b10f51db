"""From layers to instructions.

To lower a layer is to write down the instructions of its forward pass and to return what writes
down those of its backward pass: a function from dy to dx. So a network is lowered as the chain rule
reads, and containers need no instructions of their own but copies and sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from chainrule import layers
from chainrule.engine.codegen import processor
from chainrule.engine.program.instructions import (
    Code,
    Instruction,
    Op,
    Private,
    Tensor,
)
from chainrule.errors import ArgumentError
from chainrule.layers.base import Layer
from chainrule.layers.convolution import Convolution
from chainrule.parameters import aligned_zeros
from chainrule.types import Array, Shape

Pullback = Callable[[Tensor], Tensor | None]
Lowered = tuple[Tensor, Pullback]


class Unlowerable(Exception):  # noqa: N818
    """Something has no compiled form; the message names it."""

    def refusal(self) -> ArgumentError:
        """What to say where the engine was asked for and nothing else."""
        return ArgumentError(
            f"engine='compiled' cannot run {self}, which has no compiled form: use "
            "engine='auto', which runs such networks in NumPy"
        )


@dataclass
class RandomLayer:
    """A layer that draws random numbers: the state of its generator in the machine's form, how
    many numbers an example takes, and the instructions that draw them, each with how many are drawn
    before."""

    state: Array
    drawn: int = 0
    uses: list[tuple[Instruction, int]] = field(default_factory=list)


class Lowering:
    """Collects the instructions of a network.

    Args:
        lowerings: the function that lowers each type of layer.
        training: whether there will be a backward pass, and layers act as in training.
        small_steps: whether steps have so few examples that weights are not worth arranging.
        lanes: how many examples may lie side by side, see `lanes`; 1 where steps have too few.
        narrow: whether the network is narrow, see `narrow`.
        moves_at_once: whether dense weights are moved as their gradient is found.
    """

    def __init__(
        self,
        lowerings: Mapping[type[Layer], Any],
        training: bool,
        small_steps: bool = False,
        lanes: int = 1,
        narrow: bool = False,
        moves_at_once: bool = False,
    ) -> None:
        self.lowerings = lowerings
        self.training = training
        self.moves_at_once = moves_at_once
        self.moved: set[int] = set()  # weights that are moved so
        self.small_steps = small_steps
        self.lanes = lanes
        self.together = 1  # how many do lie side by side, where the lowering is now
        self.narrow = narrow
        self.code = Code()
        self.needs_whole_batch = False
        self.begun: set[int] = set()  # gradients that something has been written to
        self.arranged: dict[Any, Array] = {}
        self.random_layers: dict[Layer, RandomLayer] = {}

    def lower(self, layer: Layer, x: Tensor, shape: Shape) -> Lowered:
        """Write down a layer's forward pass for inputs of this shape."""
        try:
            lower = self.lowerings[type(layer)]
        except KeyError:
            raise Unlowerable(f"the layer {type(layer).__name__}") from None
        lowered: Lowered = lower(self, layer, x, shape)
        return lowered

    def forward(self, op: Op, *tensors: Tensor | None, **details: Any) -> None:
        self.code.forward.append(Instruction(op, tensors, together=self.together, **details))

    def backward(self, op: Op, *tensors: Tensor | None, **details: Any) -> None:
        self.code.backward.append(Instruction(op, tensors, together=self.together, **details))

    def wait(self, part: list[Instruction]) -> None:
        part.append(Instruction(Op.WAIT, blocked=False))

    @contextmanager
    def side_by_side(self) -> Iterator[None]:
        """Lower what is within for examples that lie side by side."""
        self.together = self.lanes
        yield
        self.together = 1

    def output(self, x: Tensor, size: int, learns: bool = False) -> Tensor:
        """A new tensor, for the next operation to do with as it likes."""
        return Tensor(size, wants_gradient=x.wants_gradient or learns, owned=True)

    def begins(self, gradient: Array) -> bool:
        """Whether nothing has been added to this gradient yet."""
        new = id(gradient) not in self.begun
        self.begun.add(id(gradient))
        return new

    def gather(self, gradient: Array, parts: Private, inner: int = 0) -> None:
        """Have the threads' parts of a gradient added up."""
        self.code.finish.append(
            Instruction(
                Op.GATHER,
                arrays=(gradient,),
                sizes=(*rows_and_width(gradient), self.begins(gradient), inner),
                private=(parts,),
            )
        )

    def arrange(
        self, weights: Array, taps: int, groups: int, turned: bool, swapped: bool, along_width: bool
    ) -> Array:
        """A copy of weights in another order, kept up to date."""
        key = (id(weights), turned, swapped)
        if key not in self.arranged:
            copy = aligned_zeros(weights.size, weights.dtype)
            sizes = (*rows_and_width(weights), taps, groups, turned, swapped, along_width)
            self.code.move.append(Instruction(Op.ARRANGE, arrays=(weights, copy), sizes=sizes))
            self.arranged[key] = copy
        return self.arranged[key]

    def panels(self, weights: Array) -> Array:
        """A dense layer's weights turned round, in panels as a product reads them, kept up to
        date."""
        key = (id(weights), "panels")
        if key not in self.arranged:
            inputs, outputs = weights.shape
            wide = processor.PANEL_BYTES // weights.itemsize
            copy = aligned_zeros(-(-inputs // wide) * wide * outputs, weights.dtype)
            rows = rows_and_width(weights)
            self.code.move.append(Instruction(Op.PANELS, arrays=(weights, copy), sizes=rows))
            self.arranged[key] = copy
        return self.arranged[key]


def multiplications(layer: Layer) -> int:
    """Those of a layer's forward pass for one example."""
    if isinstance(layer, layers.Dense):
        return int(layer.W.size)
    if isinstance(layer, Convolution):
        return int(layer.W.size) * math.prod(layer.windows.positions)
    return 0


def rows_and_width(parameter: Array) -> tuple[int, int]:
    """A parameter as a matrix, whose rows are shared out among the threads."""
    width = parameter.shape[-1] if parameter.ndim > 1 else 1
    return parameter.size // width, width


def lower_dense(to: Lowering, layer: layers.Dense, x: Tensor, shape: Shape) -> Lowered:
    bias = layer.b if layer.bias else None
    if to.narrow:
        return lower_narrow_dense(to, layer, bias, x)
    y = to.output(x, layer.out_features, learns=True)
    to.forward(Op.DENSE, x, y, arrays=(layer.W, bias), blocked=False)

    def pull(dy: Tensor) -> Tensor | None:
        shared = to.code.shared
        sizes = (*rows_and_width(layer.W), to.begins(layer.dW))
        if to.moves_at_once and layer.regularizer is None:
            to.moved.add(layer.W.ctypes.data)
            to.code.move.append(Instruction(Op.DENSE_STEP, (x, dy), (layer.W, layer.dW), sizes))
        else:
            shared.append(Instruction(Op.DENSE_DW, (x, dy), (layer.dW,), sizes))
        if bias is not None:
            sizes = (*rows_and_width(layer.b), to.begins(layer.db))
            shared.append(Instruction(Op.DENSE_DB, (dy,), (layer.db,), sizes))
        if not x.wants_gradient:
            return None
        arranged = None if to.small_steps else to.panels(layer.W)
        dx = to.output(x, x.size)
        to.backward(Op.DENSE_DX, dy, dx, arrays=(layer.W, arranged), blocked=False)
        dy.owned = False  # the sum over examples comes later
        return dx

    return y, pull


def lower_narrow_dense(to: Lowering, layer: layers.Dense, bias: Array | None, x: Tensor) -> Lowered:
    y = to.output(x, layer.out_features, learns=True)
    to.forward(Op.NARROW_DENSE, x, y, arrays=(layer.W, bias), blocked=False)

    def pull(dy: Tensor) -> Tensor | None:
        arrays = (layer.dW, None if bias is None else layer.db)
        sizes = (to.begins(layer.dW),)
        to.code.shared.append(Instruction(Op.NARROW_GRADIENT, (x, dy), arrays, sizes))
        if not x.wants_gradient:
            return None
        dx = to.output(x, x.size)
        to.backward(Op.NARROW_DENSE_DX, dy, dx, arrays=(layer.W,), blocked=False)
        dy.owned = False  # the sum over examples comes later
        return dx

    return y, pull


def lower_nothing(to: Lowering, layer: Layer, x: Tensor, shape: Shape) -> Lowered:
    """Layers that leave every number where it is."""
    return x, lambda dy: dy


def lower_residual(to: Lowering, layer: layers.Residual, x: Tensor, shape: Shape) -> Lowered:
    x.owned = False
    branch, pull_branch = to.lower(layer.branch, x, shape)
    past, pull_past = x, None
    if layer.shortcut is not None:
        past, pull_past = to.lower(layer.shortcut, x, shape)
    y = to.output(x, branch.size, learns=branch.wants_gradient)
    copy_columns(to.forward, branch, y)
    copy_columns(to.forward, past, y, adds=True)

    def pull(dy: Tensor) -> Tensor | None:
        dy.owned = False
        from_branch = pull_branch(dy)
        from_past = dy if pull_past is None else pull_past(dy)
        return add(to, x, [from_branch, from_past])

    return y, pull


def lower_concatenate(to: Lowering, layer: layers.Concatenate, x: Tensor, shape: Shape) -> Lowered:
    x.owned = False
    parts, pulls, widths = [], [], []
    for branch in layer.branches:
        y_part, pull_part = to.lower(branch, x, shape)
        y_part.owned = False
        parts.append(y_part)
        pulls.append(pull_part)
        widths.append((branch.output_shapes or [shape])[-1][-1])
    y = to.output(x, sum(part.size for part in parts), learns=any(p.wants_gradient for p in parts))
    starts = [sum(widths[:i]) for i in range(len(widths))]
    for part, width, at in zip(parts, widths, starts, strict=True):
        copy_columns(to.forward, part, y, 0, at, width)

    def pull(dy: Tensor) -> Tensor | None:
        gradients = []
        for part, pull_part, width, at in zip(parts, pulls, widths, starts, strict=True):
            dy_part = to.output(x, part.size)
            copy_columns(to.backward, dy, dy_part, at, 0, width)
            gradients.append(pull_part(dy_part))
        return add(to, x, gradients)

    return y, pull


def add(to: Lowering, x: Tensor, gradients: Sequence[Tensor | None]) -> Tensor | None:
    """dx as the sum of what comes back from all that used x."""
    if not x.wants_gradient:
        return None
    dx = to.output(x, x.size)
    present = [gradient for gradient in gradients if gradient is not None]
    for place, gradient in enumerate(present):
        copy_columns(to.backward, gradient, dx, adds=place > 0)
    return dx


def copy_columns(
    emit: Callable[..., None],
    source: Tensor,
    target: Tensor,
    source_at: int = 0,
    target_at: int = 0,
    width: int = 0,
    adds: bool = False,
) -> None:
    """Copy or add a stretch of `width` numbers of every row, or of every pixel of it; or all."""
    rows = min(source.size, target.size) // width if width else 1
    source_row, target_row = source.size // rows, target.size // rows
    width = width or source.size
    sizes = (source_at, target_at, width, adds, rows, source_row, target_row)
    emit(Op.COPY, source, target, sizes=sizes)


def is_narrow(network: layers.Sequential, shape: Shape, widest: int) -> bool:
    """Whether a network is a row of small dense layers and activations, with one output."""
    shapes = [shape, *network.output_shapes]
    fits = all(
        type(layer) is layers.Dense or isinstance(layer, VALUE_BY_VALUE) for layer in network.layers
    )
    flat = all(len(one) == 1 and one[0] <= widest for one in shapes)
    return fits and flat and shapes[-1] == (1,)


VALUE_BY_VALUE = (
    layers.Identity,
    layers.ReLU,
    layers.LeakyReLU,
    layers.ELU,
    layers.SELU,
    layers.Sigmoid,
    layers.Tanh,
    layers.Softplus,
    layers.SiLU,
    layers.GELU,
    layers.HardSigmoid,
)


LOWERINGS: dict[type[Layer], Any] = {
    layers.Dense: lower_dense,
    layers.Flatten: lower_nothing,
    layers.Reshape: lower_nothing,
    layers.Identity: lower_nothing,
    layers.Residual: lower_residual,
    layers.Concatenate: lower_concatenate,
}
