"""The optimizers' updates, in one pass, on each thread's share of the parameters, as in
`chainrule.optimizers`. Each is entered once: at the end, with the updates above.

What depends on the step alone, bias corrections among it, comes as coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chainrule import optimizers
from chainrule.chain import Chain
from chainrule.engine.codegen.kernel import Kernel, kernel
from chainrule.engine.codegen.native import constant, pointer, size_of
from chainrule.engine.codegen.operands import context_at, read, share_of
from chainrule.engine.operations.gradients import Clip, norm_scale
from chainrule.engine.program.instructions import Instruction
from chainrule.engine.program.lowering import Lowering, rows_and_width
from chainrule.engine.program.obstacles import Unlowerable
from chainrule.engine.program.records import Context, Task
from chainrule.engine.program.registry import operation
from chainrule.types import Array

MOST_SLOTS = 3
SETTINGS = ("beta_1", "beta_2", "epsilon", "weight_decay")


class Updates:
    """What an optimizer is to the machine: an operation, settings, and coefficients for every
    step."""

    def __init__(self, optimizer: optimizers.Optimizer) -> None:
        self.optimizer, self.operation = optimizer, update_of(optimizer)
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


def update_of(optimizer: optimizers.Optimizer) -> type:
    """The operation that an optimizer's update is."""
    if isinstance(optimizer, optimizers.SGD) and optimizer.momentum:
        return NESTEROV if optimizer.nesterov else MOMENTUM
    try:
        return UPDATES[type(optimizer)]
    except KeyError:
        raise Unlowerable(f"the optimizer {type(optimizer).__name__}") from None


class Update(NamedTuple):
    """Move weights once, after clipping by norm and the weights' own decay. Each optimizer's is an
    operation of its own with these operands."""

    weights: Array
    gradient: Array
    slot_1: Array | None  # the optimizer's own memory, in its order
    slot_2: Array | None
    slot_3: Array | None
    rows: int
    width: int
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
            operands = (w, gradient, slot_1, slot_2, slot_3, rows, width, decay)
            moves.append(Instruction(updates.operation(*operands)))
        start += w.size
    to.code.move[:0] = moves


# --- kernels --------------------------------------------------------------------------------------


class Settings(NamedTuple):
    """An optimizer's numbers in one step, in the type of the weights.

    Args:
        rate: the learning rate.
        correction_1, correction_2, correction_3: see `Updates.coefficients`.
        beta_1, beta_2: how much of a moment stays; or of the momentum, or ρ.
        rest_1, rest_2: 1 - beta_1 and 1 - beta_2.
        epsilon: added to denominators.
        keep: what decoupled weight decay leaves of the weights.
    """

    rate: Any
    correction_1: Any
    correction_2: Any
    correction_3: Any
    beta_1: Any
    beta_2: Any
    rest_1: Any
    rest_2: Any
    epsilon: Any
    keep: Any


def update(name: str, move: Kernel) -> type:
    """Enter an optimizer's update: its operation.

    Args:
        name: as in ``AdamUpdate``.
        move: ``move(w, g, s, u, v, count, settings)`` moves so many weights w with gradients g
            once; s, u and v are the optimizer's slots, in its order.
    """

    def carry_out(task: Task, like: Any) -> None:
        operands: Any = read(task, Update)
        part, context = share_of(task, operands.rows, operands.width), context_at(task.context)
        offset = part.begin * part.width * size_of(like)
        w, g = pointer(operands.weights + offset, like), pointer(operands.gradient + offset, like)
        s, u = pointer(operands.slot_1 + offset, like), pointer(operands.slot_2 + offset, like)
        v = pointer(operands.slot_3 + offset, like)
        scale_gradient(context, g, part.values, like)
        coefficients = pointer(context.coefficients + task.step * 32, 0.0)
        if operands.decay != 0:
            keep = constant(1 - coefficients[0] * operands.decay, like)
            for k in range(part.values):
                w[k] *= keep
        settings = settings_of(coefficients, pointer(context.settings, 0.0), like)
        move(w, g, s, u, v, part.values, settings)

    return operation(name, Update, carry_out)


@kernel
def scale_gradient(context: Context, g: Any, count: int, like: Any) -> None:
    """Clip a gradient by the norm of all."""
    scale = constant(norm_scale(context), like)
    if scale != 1:
        for k in range(count):
            g[k] *= scale


@kernel
def settings_of(c: Any, settings: Any, like: Any) -> Settings:
    """The numbers of a step, from its coefficients and from what stays the same in all steps."""
    return Settings(
        rate=constant(c[0], like),
        correction_1=constant(c[1], like),
        correction_2=constant(c[2], like),
        correction_3=constant(c[3], like),
        beta_1=constant(settings[0], like),
        beta_2=constant(settings[1], like),
        rest_1=constant(1 - settings[0], like),
        rest_2=constant(1 - settings[1], like),
        epsilon=constant(settings[2], like),
        keep=constant(1 - c[0] * settings[3], like),
    )


# --- the optimizers -------------------------------------------------------------------------------


@kernel
def sgd(w: Any, g: Any, s: Any, u: Any, v: Any, count: int, by: Settings) -> None:
    for i in range(count):
        w[i] -= by.rate * g[i]


@kernel
def momentum(w: Any, g: Any, s: Any, u: Any, v: Any, count: int, by: Settings) -> None:
    for i in range(count):
        s[i] = by.beta_1 * s[i] + g[i]
        w[i] -= by.rate * s[i]


@kernel
def nesterov(w: Any, g: Any, s: Any, u: Any, v: Any, count: int, by: Settings) -> None:
    for i in range(count):
        s[i] = by.beta_1 * s[i] + g[i]
        w[i] -= by.rate * (g[i] + by.beta_1 * s[i])


@kernel
def adagrad(w: Any, g: Any, s: Any, u: Any, v: Any, count: int, by: Settings) -> None:
    for i in range(count):
        s[i] += g[i] * g[i]
        w[i] -= by.rate * g[i] / (math.sqrt(s[i]) + by.epsilon)


@kernel
def adadelta(w: Any, g: Any, s: Any, u: Any, v: Any, count: int, by: Settings) -> None:
    for i in range(count):
        s[i] = by.beta_1 * s[i] + by.rest_1 * g[i] * g[i]
        change = g[i] * math.sqrt(u[i] + by.epsilon) / math.sqrt(s[i] + by.epsilon)
        u[i] = by.beta_1 * u[i] + by.rest_1 * change * change
        w[i] -= by.rate * change


@kernel
def rmsprop(w: Any, g: Any, s: Any, u: Any, v: Any, count: int, by: Settings) -> None:
    for i in range(count):
        s[i] = by.beta_1 * s[i] + by.rest_1 * g[i] * g[i]
        w[i] -= by.rate * g[i] / (math.sqrt(s[i]) + by.epsilon)


@kernel
def adam(w: Any, g: Any, s: Any, u: Any, v: Any, count: int, by: Settings) -> None:
    for i in range(count):
        s[i] = by.beta_1 * s[i] + by.rest_1 * g[i]
        u[i] = by.beta_2 * u[i] + by.rest_2 * g[i] * g[i]
        step = by.rate * (s[i] * by.correction_1)
        w[i] = by.keep * w[i] - step / (math.sqrt(u[i] * by.correction_2) + by.epsilon)


@kernel
def amsgrad(w: Any, g: Any, s: Any, u: Any, v: Any, count: int, by: Settings) -> None:
    for i in range(count):
        s[i] = by.beta_1 * s[i] + by.rest_1 * g[i]
        u[i] = by.beta_2 * u[i] + by.rest_2 * g[i] * g[i]
        v[i] = max(v[i], u[i])
        step = by.rate * (s[i] * by.correction_1)
        w[i] -= step / (math.sqrt(v[i] * by.correction_2) + by.epsilon)


@kernel
def nadam(w: Any, g: Any, s: Any, u: Any, v: Any, count: int, by: Settings) -> None:
    for i in range(count):
        s[i] = by.beta_1 * s[i] + by.rest_1 * g[i]
        u[i] = by.beta_2 * u[i] + by.rest_2 * g[i] * g[i]
        ahead = by.correction_1 * s[i] + by.correction_3 * g[i]
        w[i] -= by.rate * ahead / (math.sqrt(u[i] * by.correction_2) + by.epsilon)


@kernel
def lion(w: Any, g: Any, s: Any, u: Any, v: Any, count: int, by: Settings) -> None:
    for i in range(count):
        mixed, zero = by.beta_1 * s[i] + by.rest_1 * g[i], constant(0.0, g[i])
        sign = zero if mixed == zero else math.copysign(constant(1.0, g[i]), mixed)
        w[i] = by.keep * w[i] - by.rate * sign
        s[i] = by.beta_2 * s[i] + by.rest_2 * g[i]


SGD = update("SgdUpdate", sgd)
MOMENTUM, NESTEROV = update("MomentumUpdate", momentum), update("NesterovUpdate", nesterov)
ADAM = update("AdamUpdate", adam)
UPDATES: dict[type[optimizers.Optimizer], type] = {
    optimizers.SGD: SGD,
    optimizers.Adagrad: update("AdagradUpdate", adagrad),
    optimizers.Adadelta: update("AdadeltaUpdate", adadelta),
    optimizers.RMSprop: update("RmspropUpdate", rmsprop),
    optimizers.Adam: ADAM,
    optimizers.AdamW: ADAM,
    optimizers.AMSGrad: update("AmsgradUpdate", amsgrad),
    optimizers.NAdam: update("NadamUpdate", nadam),
    optimizers.Lion: update("LionUpdate", lion),
}
