"""From a network, a loss and an optimizer to a program."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule import losses, optimizers
from chainrule.chain import Chain
from chainrule.engine.codegen import processor
from chainrule.engine.operations import (
    lowering,
    lowering_images,
    lowering_sequential,
    lowering_values,
)
from chainrule.engine.operations.lowering import (
    Lowering,
    RandomLayer,
    Unlowerable,
    is_narrow,
    multiplications,
    rows_and_width,
)
from chainrule.engine.plan.program import Program
from chainrule.engine.program.instructions import (
    Criterion,
    Instruction,
    Op,
    Private,
    Rule,
    Tensor,
)
from chainrule.engine.running.targets import PER_EXAMPLE
from chainrule.layers.base import Layer, walk
from chainrule.regularizers import L1, L2, WeightDecay
from chainrule.types import Shape

WORTH_THREADS = 500_000  # multiplications of a step, forward, from which on several threads pay
NARROW, ROWS_TO_TURN = 16, 8  # units at most, examples at least, for tensors to be turned round
SMALL_STEP = 4  # examples up to which dx = dy Wᵀ is taken without turning W round

LOWERINGS = {
    **lowering.LOWERINGS,
    **lowering_images.LOWERINGS,
    **lowering_sequential.LOWERINGS,
    **lowering_values.LOWERINGS,
}
CRITERIA: dict[type[losses.Loss], tuple[Criterion, str | None]] = {
    losses.MeanSquaredError: (Criterion.MEAN_SQUARED_ERROR, None),
    losses.MeanAbsoluteError: (Criterion.MEAN_ABSOLUTE_ERROR, None),
    losses.Huber: (Criterion.HUBER, "delta"),
    losses.BinaryCrossEntropy: (Criterion.BINARY_CROSS_ENTROPY, "margin"),
    losses.SoftmaxCrossEntropy: (Criterion.SOFTMAX_CROSS_ENTROPY, "label_smoothing"),
    losses.CategoricalCrossEntropy: (Criterion.CATEGORICAL_CROSS_ENTROPY, "margin"),
    losses.KLDivergence: (Criterion.KL_DIVERGENCE, None),
    losses.Hinge: (Criterion.HINGE, None),
}
RULES: dict[type[optimizers.Optimizer], Rule] = {
    optimizers.SGD: Rule.SGD,
    optimizers.Adagrad: Rule.ADAGRAD,
    optimizers.Adadelta: Rule.ADADELTA,
    optimizers.RMSprop: Rule.RMSPROP,
    optimizers.Adam: Rule.ADAM,
    optimizers.AdamW: Rule.ADAM,
    optimizers.AMSGrad: Rule.AMSGRAD,
    optimizers.NAdam: Rule.NADAM,
    optimizers.Lion: Rule.LION,
}
SETTINGS = ("beta_1", "beta_2", "epsilon", "weight_decay")


class Updates:
    """What an optimizer is to the machine: a rule, settings, and coefficients for every step."""

    def __init__(self, optimizer: optimizers.Optimizer) -> None:
        if type(optimizer) not in RULES:
            raise Unlowerable(f"the optimizer {type(optimizer).__name__}")
        self.optimizer, self.rule = optimizer, RULES[type(optimizer)]
        if isinstance(optimizer, optimizers.SGD) and optimizer.momentum:
            self.rule = Rule.NESTEROV if optimizer.nesterov else Rule.MOMENTUM
        first = getattr(optimizer, "rho", getattr(optimizer, "momentum", 0.0))
        given = [getattr(optimizer, name, 0.0) for name in SETTINGS]
        self.settings = np.array([getattr(optimizer, "beta_1", first), *given[1:]])
        self.clip_norm = None if optimizer.clip_norm is None else np.array([optimizer.clip_norm])

    def coefficients(
        self, state: optimizers.OptimizerState, rates: Sequence[float]
    ) -> npt.NDArray[np.float64]:
        """A row for each of the next steps: the rate, and what corrects the moments' bias."""
        rows = np.zeros((len(rates), 4))
        rows[:, 0] = rates
        t = state.step + 1 + np.arange(len(rates))
        adam = self.optimizer
        if isinstance(adam, optimizers.Adam):
            rows[:, 1] = 1 / (1 - adam.beta_1**t) if adam.beta_1 else 1.0
            rows[:, 2] = 1 / (1 - adam.beta_2**t) if adam.beta_2 else 1.0
        if isinstance(adam, optimizers.NAdam):
            product = state.momentum_product
            for row, step in zip(rows, t.tolist(), strict=True):
                product *= adam.mu(step)
                after = adam.mu(step + 1)
                row[1] = after / (1 - product * after)
                row[3] = (1 - adam.mu(step)) / (1 - product)
        return rows

    def count_steps(self, state: optimizers.OptimizerState, count: int) -> None:
        """Note that so many steps have been made."""
        if isinstance(self.optimizer, optimizers.NAdam):
            for _ in range(count):
                self.optimizer.count_step(state)
        else:
            state.step += count


@dataclass(frozen=True)
class Forward:
    """A lowered network: where it begins and ends, and what its backward pass is."""

    to: Lowering
    x: Tensor
    y: Tensor
    pull: Any


def lower_network(network: Chain, to: Lowering) -> Forward:
    """Write down a network's forward pass."""
    first = x = Tensor(math.prod(network.input_shape), wants_gradient=False)
    if to.narrow:
        first = Tensor(x.size, wants_gradient=False)
        to.forward(Op.TURN, x, first, blocked=False)
    y, pull = to.lower(network.root, first, network.input_shape)
    return Forward(to, x, y, pull)


def prediction_program(
    network: Chain, rows: int, threads: int, side_by_side: bool = True
) -> Program:
    """The program that predicts up to so many rows at a time; often so many that examples may lie
    side by side, or often one alone."""
    lanes = lanes_for(network, rows) if side_by_side else 1
    to = Lowering(LOWERINGS, training=False, lanes=lanes)
    lowered = lower_network(network, to)
    return Program(lowered.to.code, lowered.x, lowered.y, network.dtype, rows, threads)


def training_program(
    network: Chain,
    loss: losses.Loss,
    optimizer: optimizers.Optimizer,
    state: optimizers.OptimizerState,
    batch_size: int,
    threads: int,
) -> tuple[Program, Updates, dict[Layer, RandomLayer]]:
    """The program of one training step, the optimizer's part in it, and the random layers."""
    updates = Updates(optimizer)
    narrow = is_narrow(network.root, network.input_shape, NARROW) and batch_size >= ROWS_TO_TURN
    plain = updates.rule == Rule.SGD and optimizer.clip_value is None and updates.clip_norm is None
    to = Lowering(
        LOWERINGS,
        training=True,
        small_steps=batch_size <= SMALL_STEP,
        lanes=lanes_for(network, batch_size),
        narrow=narrow,
        moves_at_once=batch_size == 1 and plain and work(network) < WORTH_THREADS,
    )
    lowered = lower_network(network, to)
    y = lowered.y
    if work(network) * batch_size < WORTH_THREADS or narrow:
        threads = 1
    gradient = Tensor(y.size, owned=True)
    add_loss(to, loss, y, gradient, network.output_shape, network.dtype)
    lowered.pull(gradient)
    add_regularizers(to, network)
    add_updates(to, network, updates, state, threads)
    program = Program(
        to.code, lowered.x, y, network.dtype, batch_size, threads,
        to.needs_whole_batch or narrow,
    )  # fmt: skip
    return program, updates, to.random_layers


def lanes_for(network: Chain, rows: int) -> int:
    """How many examples may lie side by side: as many as a vector has lanes, or 1 where there are
    fewer."""
    lanes = processor.VECTOR_BYTES // network.dtype.itemsize
    return lanes if rows >= lanes else 1


def work(network: Chain) -> int:
    """Multiplications for one example, forward."""
    return sum(multiplications(layer) for _, layer in walk(network.root))


def add_loss(
    to: Lowering,
    loss: losses.Loss,
    y: Tensor,
    gradient: Tensor,
    shape: Shape,
    dtype: np.dtype[Any],
) -> None:
    """The instruction between forward and backward."""
    if type(loss) not in CRITERIA:
        raise Unlowerable(f"the loss {type(loss).__name__}")
    criterion, setting = CRITERIA[type(loss)]
    if isinstance(loss, PER_EXAMPLE) and len(shape) != 1:
        raise Unlowerable(f"the loss {type(loss).__name__} on outputs of shape {shape}")
    if isinstance(loss, losses.BinaryCrossEntropy) and loss.from_logits:
        criterion = Criterion.BINARY_CROSS_ENTROPY_OF_LOGITS
    class_weights = np.ones(y.size, dtype)
    if isinstance(loss, losses.SoftmaxCrossEntropy) and loss.class_weights is not None:
        class_weights = np.asarray(loss.class_weights, dtype)
    number = getattr(loss, setting) if setting else 0.0
    target = Private(y.size)
    to.forward(
        Op.LOSS, y, gradient, arrays=(class_weights,), sizes=(criterion, y.size),
        numbers=(number,), private=(target,),
    )  # fmt: skip


def add_regularizers(to: Lowering, network: Chain) -> None:
    """Penalties on parameters, with their gradients."""
    for name, regularizer in network.state.regularizers.items():
        if type(regularizer) not in (L1, L2, WeightDecay):
            raise Unlowerable(f"the regularizer {type(regularizer).__name__}")
        if type(regularizer) is not WeightDecay:
            w, gradient = network.parameters[name], network.gradients[name]
            rates = (regularizer.rate, 0.0) if type(regularizer) is L1 else (0.0, regularizer.rate)
            to.code.finish.append(
                Instruction(
                    Op.PENALIZE, arrays=(w, gradient), sizes=rows_and_width(w), numbers=rates
                )
            )


def add_updates(
    to: Lowering,
    network: Chain,
    updates: Updates,
    state: optimizers.OptimizerState,
    threads: int,
) -> None:
    """Clipping and the optimizer: all parameters at once where one thread moves them all alike,
    else one by one, in shares."""
    optimizer, slots = updates.optimizer, list(state.slots.values())
    decays = {
        name: regularizer.decay
        for name, regularizer in network.state.regularizers.items()
        if regularizer.decay
    }
    at_once = threads == 1 and not decays and not to.moved
    names = ["all"] if at_once else list(network.parameters)
    start, moves = 0, []
    for name in names:
        w = network.parameters.flat if at_once else network.parameters[name]
        gradient = network.gradients.flat if at_once else network.gradients[name]
        sizes = rows_and_width(w)
        if optimizer.clip_value is not None or updates.clip_norm is not None:
            to.code.finish.append(
                Instruction(Op.CLIP, arrays=(gradient,), sizes=sizes, numbers=optimizer.clip_range)
            )
        if w.ctypes.data not in to.moved:
            arrays = (w, gradient, *(slot[start : start + w.size] for slot in slots))
            numbers = (decays.get(name, 0.0),)
            moves.append(Instruction(Op.UPDATE, (), arrays, (*sizes, updates.rule), numbers))
        start += w.size
    to.code.move[:0] = moves
