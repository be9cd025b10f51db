"""The optimizers' updates, in one pass, on each thread's share of the parameters, as in
`chainrule.optimizers`.

What depends on the step alone, bias corrections among it, comes as coefficients.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chainrule import optimizers
from chainrule.chain import Chain
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import constant, pointer, size_of
from chainrule.engine.codegen.operands import context_at, read, share_of
from chainrule.engine.operations.gradients import Clip, norm_scale
from chainrule.engine.program.instructions import Instruction
from chainrule.engine.program.lowering import Lowering, rows_and_width
from chainrule.engine.program.obstacles import Unlowerable
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles
from chainrule.types import Array


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
MOST_SLOTS = 3
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


class Update(NamedTuple):
    """Move weights once, after clipping by norm and the weights' own decay."""

    weights: Array
    gradient: Array
    slot_1: Array | None  # the optimizer's own memory, in its order
    slot_2: Array | None
    slot_3: Array | None
    rows: int
    width: int
    rule: int
    decay: float


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
        if optimizer.clip_value is not None or updates.clip_norm is not None:
            to.finish(Clip(gradient, *rows_and_width(w), *optimizer.clip_range))
        if w.ctypes.data not in to.moved:
            own: list[Array | None] = [slot[start : start + w.size] for slot in slots]
            slot_1, slot_2, slot_3 = own + [None] * (MOST_SLOTS - len(own))
            rows, width = rows_and_width(w)
            decay = decays.get(name, 0.0)
            operands = Update(w, gradient, slot_1, slot_2, slot_3, rows, width, updates.rule, decay)
            moves.append(Instruction(operands))
        start += w.size
    to.code.move[:0] = moves


# --- kernels --------------------------------------------------------------------------------------


@handles(Update)
def update(task: Task, like: Any) -> None:
    """One step of the optimizer."""
    operands: Any = read(task, Update)
    part, context = share_of(task, operands.rows, operands.width), context_at(task.context)
    offset = part.begin * part.width * size_of(like)
    w, g = pointer(operands.weights + offset, like), pointer(operands.gradient + offset, like)
    s, u = pointer(operands.slot_1 + offset, like), pointer(operands.slot_2 + offset, like)
    v = pointer(operands.slot_3 + offset, like)
    coefficients = pointer(context.coefficients + task.step * 32, 0.0)
    scale = constant(norm_scale(context), like)
    if scale != 1:
        for k in range(part.values):
            g[k] *= scale
    if operands.decay != 0:
        keep = constant(1 - coefficients[0] * operands.decay, like)
        for k in range(part.values):
            w[k] *= keep
    settings = pointer(context.settings, 0.0)
    move(operands.rule, w, g, s, u, v, coefficients, settings, part.values, like)


@kernel
def move(
    rule: int,
    w: Any,
    g: Any,
    s: Any,
    u: Any,
    v: Any,
    c: Any,
    settings: Any,
    count: int,
    like: Any,
) -> None:
    """Move w once. s, u and v are the optimizer's slots, in its order; c the step's coefficients,
    the learning rate first; settings what stays the same in all steps."""
    rate, c1, c2, c3 = (
        constant(c[0], like),
        constant(c[1], like),
        constant(c[2], like),
        constant(c[3], like),
    )
    beta_1, beta_2, epsilon, keep = (
        constant(settings[0], like),
        constant(settings[1], like),
        constant(settings[2], like),
        constant(1 - c[0] * settings[3], like),  # of decoupled weight decay
    )
    rest_1, rest_2 = constant(1 - settings[0], like), constant(1 - settings[1], like)
    zero, one = constant(0.0, like), constant(1.0, like)
    if rule == Rule.SGD:
        for i in range(count):
            w[i] -= rate * g[i]
    elif rule == Rule.MOMENTUM:
        for i in range(count):
            s[i] = beta_1 * s[i] + g[i]
            w[i] -= rate * s[i]
    elif rule == Rule.NESTEROV:
        for i in range(count):
            s[i] = beta_1 * s[i] + g[i]
            w[i] -= rate * (g[i] + beta_1 * s[i])
    elif rule == Rule.ADAGRAD:
        for i in range(count):
            s[i] += g[i] * g[i]
            w[i] -= rate * g[i] / (math.sqrt(s[i]) + epsilon)
    elif rule == Rule.ADADELTA:
        for i in range(count):
            s[i] = beta_1 * s[i] + rest_1 * g[i] * g[i]
            change = g[i] * math.sqrt(u[i] + epsilon) / math.sqrt(s[i] + epsilon)
            u[i] = beta_1 * u[i] + rest_1 * change * change
            w[i] -= rate * change
    elif rule == Rule.RMSPROP:
        for i in range(count):
            s[i] = beta_1 * s[i] + rest_1 * g[i] * g[i]
            w[i] -= rate * g[i] / (math.sqrt(s[i]) + epsilon)
    elif rule == Rule.ADAM:
        for i in range(count):
            s[i] = beta_1 * s[i] + rest_1 * g[i]
            u[i] = beta_2 * u[i] + rest_2 * g[i] * g[i]
            w[i] = keep * w[i] - rate * (s[i] * c1) / (math.sqrt(u[i] * c2) + epsilon)
    elif rule == Rule.AMSGRAD:
        for i in range(count):
            s[i] = beta_1 * s[i] + rest_1 * g[i]
            u[i] = beta_2 * u[i] + rest_2 * g[i] * g[i]
            v[i] = max(v[i], u[i])
            w[i] -= rate * (s[i] * c1) / (math.sqrt(v[i] * c2) + epsilon)
    elif rule == Rule.NADAM:
        for i in range(count):
            s[i] = beta_1 * s[i] + rest_1 * g[i]
            u[i] = beta_2 * u[i] + rest_2 * g[i] * g[i]
            ahead = c1 * s[i] + c3 * g[i]
            w[i] -= rate * ahead / (math.sqrt(u[i] * c2) + epsilon)
    elif rule == Rule.LION:
        for i in range(count):
            mixed = beta_1 * s[i] + rest_1 * g[i]
            sign = zero if mixed == zero else math.copysign(one, mixed)
            w[i] = keep * w[i] - rate * sign
            s[i] = beta_2 * s[i] + rest_2 * g[i]
