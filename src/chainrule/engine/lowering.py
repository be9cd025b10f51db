"""From layers to instructions.

To lower a layer is to write down the instructions of its forward pass and to return what writes
down those of its backward pass: a function from dy to dx. So a network is lowered as the chain rule
reads, and containers need no instructions of their own but copies and sums.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import layers
from chainrule.engine import column
from chainrule.engine.geometry import Geometry, pool_tables
from chainrule.engine.instructions import (
    FROM_OUTPUT,
    Code,
    Curve,
    Instruction,
    Op,
    Private,
    Tensor,
)
from chainrule.layers.base import Layer
from chainrule.layers.convolution import Convolution
from chainrule.layers.pooling import Pool2D
from chainrule.parameters import Array, Shape

Pullback = Callable[[Tensor], Tensor | None]
Lowered = tuple[Tensor, Pullback]


class Unlowerable(Exception):  # noqa: N818
    """Something has no compiled form; the message names it."""


class Lowering:
    """Collects the instructions of a network.

    Args:
        training: whether there will be a backward pass, and layers act as in training.
        small_steps: whether steps have so few examples that weights are not worth arranging.
        narrow: whether the network is narrow, see `narrow`.
        moves_at_once: whether dense weights are moved as their gradient is found.
    """

    def __init__(
        self,
        training: bool,
        small_steps: bool = False,
        narrow: bool = False,
        moves_at_once: bool = False,
    ) -> None:
        self.training = training
        self.moves_at_once = moves_at_once
        self.moved: set[int] = set()  # weights that are moved so
        self.small_steps = small_steps
        self.narrow = narrow
        self.code = Code()
        self.needs_whole_batch = False
        self.begun: set[int] = set()  # gradients that something has been written to
        self.arranged: dict[Any, Array] = {}
        self.draws: dict[int, int] = {}  # random numbers an example takes, by layer
        self.drop_instructions: dict[int, list[tuple[Instruction, int]]] = {}
        self.random_states: list[tuple[Layer, Array]] = []

    def lower(self, layer: Layer, x: Tensor, shape: Shape) -> Lowered:
        """Write down a layer's forward pass for inputs of this shape."""
        try:
            lower = LOWERINGS[type(layer)]
        except KeyError:
            raise Unlowerable(f"the layer {type(layer).__name__}") from None
        return lower(self, layer, x, shape)

    def forward(self, op: Op, *tensors: Tensor | None, **details: Any) -> None:
        self.code.forward.append(Instruction(op, tensors, **details))

    def backward(self, op: Op, *tensors: Tensor | None, **details: Any) -> None:
        self.code.backward.append(Instruction(op, tensors, **details))

    def wait(self, part: list[Instruction]) -> None:
        part.append(Instruction(Op.WAIT, blocked=False))

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
            copy = np.zeros(weights.size, weights.dtype)
            sizes = (*rows_and_width(weights), taps, groups, turned, swapped, along_width)
            self.code.move.append(Instruction(Op.ARRANGE, arrays=(weights, copy), sizes=sizes))
            self.arranged[key] = copy
        return self.arranged[key]


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
        arranged = None if to.small_steps else to.arrange(layer.W, 1, 1, False, True, True)
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


def lower_convolution(to: Lowering, layer: layers.Conv2D, x: Tensor, shape: Shape) -> Lowered:
    geometry = Geometry(layer.windows, layer.W.itemsize, layer.groups)
    y = to.output(x, math.prod(layer.windows.positions) * layer.out_channels, learns=True)
    bias = layer.b if layer.bias else None
    taps, item = math.prod(layer.windows.kernel_size), layer.W.itemsize
    columns = layer.out_channels // layer.groups
    into_windows = geometry.into_windows(shape[2], layer.out_channels)
    details = into_windows.details(layer.W, bias, columns * item, layer.out_channels * item)
    to.forward(Op.CONVOLVE, x, y, **details)

    def pull(dy: Tensor) -> Tensor | None:
        parts = Private(layer.W.size, sums=True)
        details = geometry.gradient(shape[2], layer.out_channels, parts)
        to.backward(Op.CONVOLVE_DW, x, dy, **details)
        to.gather(layer.dW, parts)
        sum_bias(to, layer, dy)
        if not x.wants_gradient:
            return None
        arranged = to.arrange(layer.W, taps, layer.groups, True, True, True)
        onto_image = geometry.onto_image(layer.out_channels, shape[2])
        inner = shape[2] // layer.groups
        details = onto_image.details(arranged, None, taps * columns * inner * item, inner * item)
        dx = to.output(x, x.size)
        to.backward(Op.CONVOLVE, dy, dx, **details)
        return dx

    return y, pull


def lower_transposed(
    to: Lowering, layer: layers.ConvTranspose2D, x: Tensor, shape: Shape
) -> Lowered:
    geometry = Geometry(layer.windows, layer.W.itemsize, layer.groups)
    channels, outputs = shape[2], layer.out_channels
    y = to.output(x, math.prod(layer.windows.image) * outputs, learns=True)
    bias = layer.b if layer.bias else None
    taps, item = math.prod(layer.windows.kernel_size), layer.W.itemsize
    inner, columns = channels // layer.groups, outputs // layer.groups
    group_bytes = taps * inner * columns * item
    arranged = to.arrange(layer.W, taps, layer.groups, True, False, False)
    onto_image = geometry.onto_image(channels, outputs)
    to.forward(Op.CONVOLVE, x, y, **onto_image.details(arranged, bias, group_bytes, columns * item))

    def pull(dy: Tensor) -> Tensor | None:
        parts = Private(layer.W.size, sums=True)
        to.backward(Op.CONVOLVE_DW, dy, x, **geometry.gradient(outputs, channels, parts))
        to.gather(layer.dW, parts, inner=channels)
        sum_bias(to, layer, dy)
        if not x.wants_gradient:
            return None
        arranged = to.arrange(layer.W, taps, layer.groups, False, True, False)
        into_windows = geometry.into_windows(outputs, channels)
        dx = to.output(x, x.size)
        details = into_windows.details(arranged, None, group_bytes, inner * item)
        to.backward(Op.CONVOLVE, dy, dx, **details)
        return dx

    return y, pull


def sum_bias(to: Lowering, layer: Convolution, dy: Tensor) -> None:
    """The gradient of a convolution's bias, where it has one."""
    if layer.bias:
        parts = Private(layer.out_channels, sums=True)
        to.backward(Op.SUM_BIAS, dy, sizes=(layer.out_channels,), private=(parts,))
        to.gather(layer.db, parts)


def lower_max_pool(to: Lowering, layer: layers.MaxPool2D, x: Tensor, shape: Shape) -> Lowered:
    arrays, sizes = pool_tables(layer.windows, shape[2])
    y = to.output(x, layer_size(layer, shape))
    winner = Tensor(y.size)
    to.forward(Op.MAX_POOL, x, y, winner, arrays=arrays, sizes=sizes)

    def pull(dy: Tensor) -> Tensor | None:
        dx = to.output(x, x.size)
        to.backward(Op.MAX_POOL_DX, dy, dx, winner, arrays=arrays, sizes=sizes)
        return dx

    return y, pull


def lower_average_pool(
    to: Lowering, layer: layers.AveragePool2D, x: Tensor, shape: Shape
) -> Lowered:
    arrays, sizes = pool_tables(layer.windows, shape[2])
    weights = 1.0 / np.broadcast_to(layer.pixels, (1, *layer.windows.positions, 1)).ravel()
    return lower_sum_pool(to, x, (*arrays, weights), sizes, layer_size(layer, shape))


def lower_global_pool(
    to: Lowering, layer: layers.GlobalAveragePool2D, x: Tensor, shape: Shape
) -> Lowered:
    height, width, channels = shape
    taps = np.array([(i, j) for i in range(height) for j in range(width)], np.int64)
    weights = np.array([1 / (height * width)])
    sizes = (height, width, channels, 1, height * width)
    return lower_sum_pool(to, x, (np.zeros(2, np.int64), taps.ravel(), weights), sizes, channels)


def lower_sum_pool(
    to: Lowering, x: Tensor, arrays: tuple[Array, ...], sizes: tuple[int, ...], size: int
) -> Lowered:
    """Pooling by weighted sums, in both directions."""
    y = to.output(x, size)
    to.forward(Op.SUM_POOL, x, y, arrays=arrays, sizes=sizes)

    def pull(dy: Tensor) -> Tensor | None:
        dx = to.output(x, x.size)
        to.backward(Op.SUM_POOL_DX, dy, dx, arrays=arrays, sizes=sizes)
        return dx

    return y, pull


def layer_size(layer: Pool2D, shape: Shape) -> int:
    """Numbers in an example's output."""
    return math.prod(layer.windows.positions) * shape[2]


def lower_curve(
    curve: Curve, setting: Callable[[Any], float] = lambda layer: 0.0
) -> Callable[[Lowering, Any, Tensor, Shape], Lowered]:
    """What lowers an activation that acts value by value."""

    def lower(to: Lowering, layer: Any, x: Tensor, shape: Shape) -> Lowered:
        return lower_activation(to, x, curve, setting(layer))

    return lower


def lower_activation(to: Lowering, x: Tensor, curve: Curve, setting: float) -> Lowered:
    """y takes the place of x where neither this derivative nor anyone else needs x."""
    y = x if x.owned and curve in FROM_OUTPUT else to.output(x, x.size)
    y.owned = False
    details: dict[str, Any] = {"sizes": (curve,), "numbers": (setting,)}
    to.forward(Op.ACTIVATE, x, y, **details)
    kept = y if curve in FROM_OUTPUT else x
    if kept is x:
        y.owned, x.owned = True, False

    def pull(dy: Tensor) -> Tensor | None:
        dx = dy if dy.owned else to.output(x, x.size)
        to.backward(Op.ACTIVATE_DX, dy, dx, kept, **details)
        return dx

    return y, pull


def lower_gelu(to: Lowering, layer: layers.GELU, x: Tensor, shape: Shape) -> Lowered:
    curve = Curve.GELU_TANH if layer.approximate == "tanh" else Curve.GELU
    return lower_activation(to, x, curve, 0.0)


def lower_softmax(to: Lowering, layer: Layer, x: Tensor, shape: Shape) -> Lowered:
    logarithm = isinstance(layer, layers.LogSoftmax)
    y = to.output(x, x.size)
    y.owned = False  # its backward pass needs it
    op, op_dx = (Op.LOG_SOFTMAX, Op.LOG_SOFTMAX_DX) if logarithm else (Op.SOFTMAX, Op.SOFTMAX_DX)
    to.forward(op, x, y, sizes=shape[-1:])

    def pull(dy: Tensor) -> Tensor | None:
        dx = to.output(x, x.size)
        to.backward(op_dx, dy, dx, y, sizes=shape[-1:])
        return dx

    return y, pull


def lower_nothing(to: Lowering, layer: Layer, x: Tensor, shape: Shape) -> Lowered:
    """Layers that leave every number where it is."""
    return x, lambda dy: dy


def lower_dropout(to: Lowering, layer: layers.Dropout, x: Tensor, shape: Shape) -> Lowered:
    if not to.training:
        return lower_nothing(to, layer, x, shape)
    y, mask = to.output(x, x.size), Tensor(x.size)
    if id(layer) not in to.draws:
        to.random_states.append((layer, np.zeros(column.STATE_BYTES // 8, np.int64)))
    state = next(state for owner, state in to.random_states if owner is layer)
    earlier = to.draws.get(id(layer), 0)
    to.draws[id(layer)] = earlier + x.size
    private = Private(column.STATE_BYTES // 4)
    to.forward(Op.DROP, x, y, mask, arrays=(state,), numbers=(layer.rate,), private=(private,))
    instruction = to.code.forward[-1]
    instruction.blocked = False
    uses = to.drop_instructions.setdefault(id(layer), [])
    uses.append((instruction, earlier))
    for use, before in uses:  # how many numbers all uses take, and those before this one
        use.sizes = (to.draws[id(layer)], before)

    def pull(dy: Tensor) -> Tensor | None:
        dx = dy if dy.owned else to.output(x, x.size)
        to.backward(Op.DROP_DX, dy, dx, mask)
        return dx

    return y, pull


def lower_layer_norm(to: Lowering, layer: layers.LayerNorm, x: Tensor, shape: Shape) -> Lowered:
    size = shape[-1]
    y = to.output(x, x.size, learns=True)
    x_hat, inverse = Tensor(x.size), Tensor(x.size // size)
    to.forward(
        Op.LAYER_NORM,
        x,
        y,
        x_hat,
        inverse,
        arrays=(layer.gamma, layer.beta),
        sizes=(size,),
        numbers=(layer.epsilon,),
    )

    def pull(dy: Tensor) -> Tensor | None:
        dgamma, dbeta = Private(size, sums=True), Private(size, sums=True)
        dx = to.output(x, x.size)
        to.backward(
            Op.LAYER_NORM_DX,
            dy,
            dx,
            x_hat,
            inverse,
            arrays=(layer.gamma,),
            sizes=(size,),
            private=(dgamma, dbeta),
        )
        to.gather(layer.dgamma, dgamma)
        to.gather(layer.dbeta, dbeta)
        return dx

    return y, pull


def lower_batch_norm(to: Lowering, layer: layers.BatchNorm, x: Tensor, shape: Shape) -> Lowered:
    channels = shape[-1]
    y = to.output(x, x.size, learns=True)
    arrays = (layer.gamma, layer.beta, layer.running_mean, layer.running_variance)
    memory = tuple(Private(channels) for _ in range(4))
    details: dict[str, Any] = {
        "arrays": arrays,
        "sizes": (channels, x.size // channels),
        "numbers": (layer.epsilon, layer.momentum),
        "private": memory,
    }
    if not to.training:
        to.forward(Op.BATCH_NORM_FIXED, x, y, **details)
        return y, lambda dy: None
    to.needs_whole_batch = True
    x_hat = Tensor(x.size)
    to.forward(Op.BATCH_SUM, x, None, None, **details, blocked=False)
    to.wait(to.code.forward)
    to.forward(Op.BATCH_SQUARES, x, None, None, **details, blocked=False)
    to.wait(to.code.forward)
    to.forward(Op.BATCH_NORM, x, y, x_hat, **details, blocked=False)

    def pull(dy: Tensor) -> Tensor | None:
        sums = tuple(Private(channels) for _ in range(4))
        details["private"] = (*sums, memory[3])
        to.backward(Op.BATCH_NORM_SUMS, dy, None, x_hat, **details, blocked=False)
        to.wait(to.code.backward)
        dx = to.output(x, x.size)
        to.backward(Op.BATCH_NORM_DX, dy, dx, x_hat, **details, blocked=False)
        to.gather(layer.dgamma, sums[0])
        to.gather(layer.dbeta, sums[1])
        return dx

    return y, pull


def lower_sequential(to: Lowering, layer: layers.Sequential, x: Tensor, shape: Shape) -> Lowered:
    pulls: list[Pullback] = []
    for part, part_shape in pool_first(layer, shape):
        x, pull = to.lower(part, x, part_shape)
        pulls.append(pull)

    def pull_all(dy: Tensor) -> Tensor | None:
        gradient: Tensor | None = dy
        for pull in reversed(pulls):
            if gradient is None:
                return None
            gradient = pull(gradient)
        return gradient

    return x, pull_all


def pool_first(layer: layers.Sequential, shape: Shape) -> Sequence[tuple[Layer, Shape]]:
    """The layers with their input shapes; a ReLU before a max-pool comes after it, where there
    are fewer numbers. Both orders give the same values and gradients."""
    shapes = [shape, *layer.output_shapes][: len(layer.layers)]
    parts = list(zip(layer.layers, shapes, strict=True))
    for i in range(len(parts) - 1):
        (first, before), (second, _) = parts[i], parts[i + 1]
        if type(first) is layers.ReLU and type(second) is layers.MaxPool2D:
            parts[i], parts[i + 1] = (second, before), (first, layer.output_shapes[i + 1])
    return parts


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


LOWERINGS: dict[type[Layer], Callable[[Lowering, Any, Tensor, Shape], Lowered]] = {
    layers.Dense: lower_dense,
    layers.Conv2D: lower_convolution,
    layers.ConvTranspose2D: lower_transposed,
    layers.MaxPool2D: lower_max_pool,
    layers.AveragePool2D: lower_average_pool,
    layers.GlobalAveragePool2D: lower_global_pool,
    layers.Flatten: lower_nothing,
    layers.Reshape: lower_nothing,
    layers.Identity: lower_nothing,
    layers.Dropout: lower_dropout,
    layers.BatchNorm: lower_batch_norm,
    layers.LayerNorm: lower_layer_norm,
    layers.Sequential: lower_sequential,
    layers.Residual: lower_residual,
    layers.Concatenate: lower_concatenate,
    layers.ReLU: lower_curve(Curve.RELU),
    layers.LeakyReLU: lower_curve(Curve.LEAKY_RELU, lambda layer: layer.slope),
    layers.ELU: lower_curve(Curve.ELU, lambda layer: layer.alpha),
    layers.SELU: lower_curve(Curve.SELU),
    layers.Sigmoid: lower_curve(Curve.SIGMOID),
    layers.Tanh: lower_curve(Curve.TANH),
    layers.Softplus: lower_curve(Curve.SOFTPLUS),
    layers.SiLU: lower_curve(Curve.SILU),
    layers.GELU: lower_gelu,
    layers.HardSigmoid: lower_curve(Curve.HARD_SIGMOID),
    layers.Softmax: lower_softmax,
    layers.LogSoftmax: lower_softmax,
}


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
