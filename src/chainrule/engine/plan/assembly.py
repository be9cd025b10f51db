"""From a network, a loss and an optimizer to a plan."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from chainrule import losses, optimizers
from chainrule.chain import Chain
from chainrule.engine.codegen import processor
from chainrule.engine.operations.dense_transposed import Transpose, is_worth_transposing
from chainrule.engine.operations.gradients import add_regularizers
from chainrule.engine.operations.losses import add_loss
from chainrule.engine.operations.processes import add_up_processes
from chainrule.engine.operations.updates import SGD, Updates, add_updates
from chainrule.engine.plan.plan import Plan
from chainrule.engine.program.exchange import Exchange
from chainrule.engine.program.instructions import Tensor
from chainrule.engine.program.lowering import Lowering, RandomLayer, multiplications
from chainrule.layers.base import Layer, walk

WORTH_THREADS = 500_000  # multiplications of a step, forward, from which on several threads pay
WORTH_TRANSPOSING = 8  # examples of a step from which on the tensors of a small network are
FEW_EXAMPLES = 50  # of a thread, up to which it reads large weights rather than works with them
SMALL_STEP = 4  # examples up to which dx = dy Wᵀ is taken without arranging W


@dataclass(frozen=True)
class Forward:
    """A lowered network: where it begins and ends, and what writes down its backward pass."""

    x: Tensor
    y: Tensor
    pull: Any


def lower_network(network: Chain, to: Lowering) -> Forward:
    """Write down a network's forward pass."""
    first = x = Tensor(math.prod(network.input_shape), wants_gradient=False)
    if to.transposed:
        first = Tensor(x.size, wants_gradient=False)
        to.forward(Transpose(x, first))
    y, pull = to.lower(network.root, first, network.input_shape)
    return Forward(x, y, pull)


def prediction_plan(network: Chain, rows: int, threads: int, interleaves: bool = True) -> Plan:
    """The plan that predicts up to so many rows at a time; often so many that it pays to interleave
    them, or often one alone."""
    to = Lowering(
        training=False, interleaving=most_interleaved(network, rows) if interleaves else 1
    )
    lowered = lower_network(network, to)
    return Plan(to.code, lowered.x, lowered.y, network.dtype, rows, threads)


def training_plan(
    network: Chain,
    loss: losses.Loss,
    optimizer: optimizers.Optimizer,
    state: optimizers.OptimizerState,
    batch_size: int,
    threads: int,
    exchange: Exchange | None = None,
) -> tuple[Plan, Updates, dict[Layer, RandomLayer]]:
    """The plan of one training step, the optimizer's part in it, and the random layers.

    Args:
        exchange: what gives other processes what this one has; None where it trains alone.
    """
    updates = Updates(optimizer)
    small = is_worth_transposing(network.root, network.input_shape)
    transposed = small and batch_size >= WORTH_TRANSPOSING
    if transposed or work(network) * batch_size < WORTH_THREADS:
        threads = 1
    is_clipped = optimizer.clip_value is not None or updates.clip_norm is not None
    plain = updates.operation is SGD and not is_clipped
    to = Lowering(
        training=True,
        small_steps=batch_size <= SMALL_STEP,
        sharing_threads=threads if SMALL_STEP < batch_size <= threads * FEW_EXAMPLES else 1,
        interleaving=most_interleaved(network, batch_size),
        transposed=transposed,
        steps_at_once=batch_size == 1 and plain and exchange is None and is_small(network),
        exchange=exchange,
    )
    lowered = lower_network(network, to)
    y = lowered.y
    gradient = Tensor(y.size, owned=True)
    add_loss(to, loss, y, gradient, network.output_shape, network.dtype)
    lowered.pull(gradient)
    add_up_processes(to, network)
    add_regularizers(to, network)
    add_updates(to, network, updates, state, threads)
    whole_batch = to.needs_whole_batch or transposed
    plan = Plan(to.code, lowered.x, y, network.dtype, batch_size, threads, whole_batch)
    if exchange is not None:
        exchange.losses = plan.losses
    return plan, updates, to.random_layers


def most_interleaved(network: Chain, rows: int) -> int:
    """How many examples may be interleaved: as many as a vector has lanes, or 1 where there are
    fewer."""
    lanes = processor.VECTOR_BYTES // network.dtype.itemsize
    return lanes if rows >= lanes else 1


def is_small(network: Chain) -> bool:
    """True if an example takes so little work that several threads never pay."""
    return work(network) < WORTH_THREADS


def work(network: Chain) -> int:
    """Multiplications for one example, forward."""
    return sum(multiplications(layer) for _, layer in walk(network.root))
