"""What a compiled network is made of: instructions over tensors.

A `Tensor` is a buffer with a row for each example; an `Instruction` is an operation with the
tensors, parameters and sizes it works on. Written down as a table of whole numbers, a list of
instructions is a program that the `machine` can run.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from chainrule.types import Array


class Op(enum.IntEnum):
    """The operations, on examples and on parameters."""

    WAIT = 0  # for all threads
    COPY = 1  # columns of one tensor into another, or added to them
    DENSE = 2
    DENSE_DX = 3
    CONVOLVE = 4
    CONVOLVE_DW = 5
    SUM_BIAS = 6
    MAX_POOL = 7
    MAX_POOL_DX = 8
    SUM_POOL = 9
    SUM_POOL_DX = 10
    ACTIVATE = 11
    ACTIVATE_DX = 12
    SOFTMAX = 13
    SOFTMAX_DX = 14
    LOG_SOFTMAX = 15
    LOG_SOFTMAX_DX = 16
    DROP = 17
    DROP_DX = 18
    LAYER_NORM = 19
    LAYER_NORM_DX = 20
    BATCH_SUM = 21
    BATCH_SQUARES = 22
    BATCH_NORM = 23
    BATCH_NORM_FIXED = 24
    BATCH_NORM_SUMS = 25
    BATCH_NORM_DX = 26
    LOSS = 27
    DENSE_DW = 28
    DENSE_DB = 29
    GATHER = 30
    PENALIZE = 31
    CLIP = 32
    UPDATE = 33
    ARRANGE = 34
    TURN = 35  # and dense layers of a few units
    NARROW_DENSE = 36
    NARROW_DENSE_DX = 37
    NARROW_GRADIENT = 38
    DENSE_STEP = 39  # the gradient of one example and plain SGD, together
    SIDE_BY_SIDE = 40  # and images whose examples lie so
    APART = 41
    LANES_CONVOLVE = 42
    LANES_CONVOLVE_DW = 43
    PANELS = 44


class Curve(enum.IntEnum):
    """The activation functions, value by value."""

    RELU = 0
    LEAKY_RELU = 1
    ELU = 2
    SELU = 3
    SIGMOID = 4
    TANH = 5
    SOFTPLUS = 6
    SILU = 7
    GELU = 8
    GELU_TANH = 9
    HARD_SIGMOID = 10


# Curves whose derivative follows from y: x need not be kept, and y may take its place.
FROM_OUTPUT = (
    Curve.RELU,
    Curve.LEAKY_RELU,
    Curve.ELU,
    Curve.SELU,
    Curve.SIGMOID,
    Curve.TANH,
)


class Criterion(enum.IntEnum):
    """The losses; those of one number for each example come last."""

    MEAN_SQUARED_ERROR = 0
    MEAN_ABSOLUTE_ERROR = 1
    HUBER = 2
    BINARY_CROSS_ENTROPY = 3
    BINARY_CROSS_ENTROPY_OF_LOGITS = 4
    HINGE = 5
    SOFTMAX_CROSS_ENTROPY = 6
    CATEGORICAL_CROSS_ENTROPY = 7
    KL_DIVERGENCE = 8


class Rule(enum.IntEnum):
    """The optimizers' updates."""

    SGD = 0
    MOMENTUM = 1
    NESTEROV = 2
    ADAGRAD = 3
    ADADELTA = 4
    RMSPROP = 5
    ADAM = 6
    AMSGRAD = 7
    NADAM = 8
    LION = 9


# Operations that copy weights into another order, once they have moved.
ARRANGING = (Op.ARRANGE, Op.PANELS)

# The function that carries out each operation, as module and name; WAIT is the machine's own.
HANDLERS: dict[Op, str] = {
    Op.COPY: "operations.dense.handle_copy",
    Op.DENSE: "operations.dense.handle_products",
    Op.DENSE_DX: "operations.dense.handle_products",
    Op.DENSE_DW: "operations.dense.handle_products",
    Op.DENSE_DB: "operations.dense.handle_products",
    Op.CONVOLVE: "operations.images.handle_convolution",
    Op.CONVOLVE_DW: "operations.images.handle_convolution",
    Op.SUM_BIAS: "operations.images.handle_bias",
    Op.MAX_POOL: "operations.pooling.handle_pool",
    Op.MAX_POOL_DX: "operations.pooling.handle_pool",
    Op.SUM_POOL: "operations.pooling.handle_pool",
    Op.SUM_POOL_DX: "operations.pooling.handle_pool",
    Op.ACTIVATE: "operations.activations.handle_activation",
    Op.ACTIVATE_DX: "operations.activations.handle_activation_dx",
    Op.SOFTMAX: "operations.activations.handle_softmax",
    Op.SOFTMAX_DX: "operations.activations.handle_softmax",
    Op.LOG_SOFTMAX: "operations.activations.handle_softmax",
    Op.LOG_SOFTMAX_DX: "operations.activations.handle_softmax",
    Op.DROP: "operations.dropout.handle_dropout",
    Op.DROP_DX: "operations.dropout.handle_dropout_dx",
    Op.LAYER_NORM: "operations.normalization.handle_layer_norm",
    Op.LAYER_NORM_DX: "operations.normalization.handle_layer_norm",
    Op.BATCH_SUM: "operations.normalization.handle_batch_norm",
    Op.BATCH_SQUARES: "operations.normalization.handle_batch_norm",
    Op.BATCH_NORM: "operations.normalization.handle_batch_norm",
    Op.BATCH_NORM_FIXED: "operations.normalization.handle_batch_norm",
    Op.BATCH_NORM_SUMS: "operations.normalization.handle_batch_norm",
    Op.BATCH_NORM_DX: "operations.normalization.handle_batch_norm",
    Op.LOSS: "operations.losses.handle_loss",
    Op.GATHER: "operations.updates.handle_gather",
    Op.PENALIZE: "operations.updates.handle_penalty",
    Op.CLIP: "operations.updates.handle_clip",
    Op.UPDATE: "operations.updates.handle_update",
    Op.ARRANGE: "operations.updates.handle_arrange",
    Op.TURN: "operations.narrow.handle_turn",
    Op.NARROW_DENSE: "operations.narrow.handle_narrow_dense",
    Op.NARROW_DENSE_DX: "operations.narrow.handle_narrow_dense_dx",
    Op.NARROW_GRADIENT: "operations.narrow.handle_narrow_gradient",
    Op.DENSE_STEP: "operations.dense.handle_dense_step",
    Op.SIDE_BY_SIDE: "operations.lanes.handle_turn",
    Op.APART: "operations.lanes.handle_turn",
    Op.LANES_CONVOLVE: "operations.lanes.handle_convolution",
    Op.LANES_CONVOLVE_DW: "operations.lanes.handle_convolution",
    Op.PANELS: "codegen.transposing.handle_panels",
}


@dataclass(eq=False)
class Tensor:
    """A buffer of `size` numbers for each example.

    Args:
        size: numbers in a row.
        wants_gradient: whether anything before it learns.
        owned: no one else reads it, so that the next operation may write over it.
    """

    size: int
    wants_gradient: bool = True
    owned: bool = False


@dataclass(eq=False)
class Private:
    """Memory that each thread has for itself, zero at first.

    Args:
        size: numbers of the network's type.
        sums: set to zero again before every step.
    """

    size: int
    sums: bool = False


@dataclass(eq=False)
class Instruction:
    """One operation.

    Args:
        op: which.
        tensors: what it reads and writes.
        arrays: parameters, gradients, tables: arrays that live elsewhere and stay.
        sizes: whole numbers.
        numbers: real numbers.
        private: memory of each thread.
        blocked: whether it may go over the examples a few at a time, with its neighbours.
        together: how many examples lie side by side, see `lanes`.
    """

    op: Op
    tensors: tuple[Tensor | None, ...] = ()
    arrays: tuple[Array | None, ...] = ()
    sizes: tuple[int, ...] = ()
    numbers: tuple[float, ...] = ()
    private: tuple[Private, ...] = ()
    blocked: bool = True
    together: int = 1


@dataclass
class Code:
    """The parts of a program, each a list of instructions.

    `forward` and `backward` go over examples, each thread over its own. `shared` sums gradients
    over all examples of a chunk, `finish` completes the gradients of a step, `move` the step: each
    thread has its share of the parameters.
    """

    forward: list[Instruction] = field(default_factory=list)
    backward: list[Instruction] = field(default_factory=list)
    shared: list[Instruction] = field(default_factory=list)
    finish: list[Instruction] = field(default_factory=list)
    move: list[Instruction] = field(default_factory=list)
