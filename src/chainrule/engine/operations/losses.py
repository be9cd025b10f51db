"""The losses between forward and backward pass: l of every example and its derivative, as in
`chainrule.losses`. Each is entered once: at the end, with the formulas above."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from chainrule import losses
from chainrule.engine.codegen.functions import exp_of_negative, sigmoid, softplus
from chainrule.engine.codegen.kernel import Kernel, kernel
from chainrule.engine.codegen.native import clear, constant, pointer, size_of
from chainrule.engine.codegen.operands import add_to_total, context_at, count_rows, read
from chainrule.engine.operations.softmax import highest_of
from chainrule.engine.program.instructions import Private, Tensor
from chainrule.engine.program.lowering import Lowering
from chainrule.engine.program.obstacles import Unlowerable
from chainrule.engine.program.records import Context, Task
from chainrule.engine.program.registry import operation
from chainrule.types import Array, Shape


class Loss(NamedTuple):
    """The loss of every example, and its derivative. Each loss is an operation of its own with
    these operands."""

    predictions: Tensor
    gradient: Tensor
    class_weights: Array
    target: Private  # where a class number becomes a row of zeros and a one
    setting: float


@dataclass(frozen=True)
class Criterion:
    """A loss's operation.

    Args:
        operation: the class of its operands.
        setting: the attribute of the loss that is its number, if it has one.
        is_of_example: True if there is one number for each example, where other losses have one for
            each of its values.
    """

    operation: type
    setting: str | None = None
    is_of_example: bool = False


def add_loss(
    to: Lowering,
    loss: losses.Loss,
    y: Tensor,
    gradient: Tensor,
    shape: Shape,
    dtype: np.dtype[Any],
) -> None:
    """The instruction between forward and backward."""
    which = criterion_of(loss)
    if which.is_of_example and len(shape) != 1:
        raise Unlowerable(f"the loss {type(loss).__name__} on outputs of shape {shape}")
    class_weights = np.ones(y.size, dtype)
    if isinstance(loss, losses.SoftmaxCrossEntropy) and loss.class_weights is not None:
        class_weights = np.asarray(loss.class_weights, dtype)
    number = getattr(loss, which.setting) if which.setting else 0.0
    to.forward(which.operation(y, gradient, class_weights, Private(y.size), number))


def criterion_of(loss: losses.Loss) -> Criterion:
    """The operation that a loss is."""
    if isinstance(loss, losses.BinaryCrossEntropy) and loss.from_logits:
        return BINARY_CROSS_ENTROPY_OF_LOGITS
    try:
        return CRITERIA[type(loss)]
    except KeyError:
        raise Unlowerable(f"the loss {type(loss).__name__}") from None


# --- kernels --------------------------------------------------------------------------------------


def of_values(
    name: str,
    value: Kernel,
    derivative: Kernel,
    *,
    setting: str | None = None,
    is_of_example: bool = False,
) -> Criterion:
    """A loss that is a sum over the values of an example.

    Args:
        name: as in ``HuberLoss``.
        value, derivative: ``l(p, target, setting)`` of one value, and ∂l / ∂p.
        setting, is_of_example: see `Criterion`.
    """

    @kernel
    def add_up(p: Any, t: Any, count: int, setting: Any) -> float:
        # Nothing is written within this loop: else LLVM may make two of it, and take at each run
        # the one that fits how the arrays lie; their sums have another order.
        total = 0.0
        for i in range(count):
            total += value(p[i], t[i], setting)
        return total

    @kernel
    def of_example(operands: Any, p: Any, t: Any, dp: Any, count: int, like: Any) -> float:
        setting = constant(operands.setting, like)
        total = add_up(p, t, count, setting)
        for i in range(count):
            dp[i] = derivative(p[i], t[i], setting)
        return total

    row_by_row = by_rows(of_example)

    @kernel
    def all_at_once(task: Task, operands: Any, scale: float, like: Any) -> float:
        size = operands.predictions.size
        values = count_rows(task) * size
        targets = context_at(task.context).targets + first_example(task) * size * size_of(like)
        p, t = pointer(operands.predictions.address, like), pointer(targets, like)
        dp, factor = pointer(operands.gradient.address, like), constant(scale, like)
        total = of_example(operands, p, t, dp, values, like)
        for i in range(values):
            dp[i] *= factor
        return scale * total

    def loss(task: Task, like: Any) -> None:
        operands: Any = read(task, Loss)
        context = context_at(task.context)
        scale = loss_scale(context, task.chunk_start)
        if is_of_example or not is_plain(context):
            total = row_by_row(task, operands, scale, like)
        else:
            total = all_at_once(task, operands, scale, like)
        add_to_total(context.partial_losses, task.share, total)

    return Criterion(operation(name, Loss, loss), setting, is_of_example)


def by_rows(of_example: Kernel) -> Kernel:
    """What takes the losses of a task's rows one by one, given what takes that of one:
    ``of_example(operands, p, target, dp, values, like)``."""

    @kernel
    def row_by_row(task: Task, operands: Any, scale: float, like: Any) -> float:
        context, first = context_at(task.context), first_example(task)
        size, item = operands.predictions.size, size_of(like)
        predictions, gradient = operands.predictions.address, operands.gradient.address
        target = pointer(operands.target, like)
        total = 0.0
        for row in range(count_rows(task)):
            example = first + row
            if context.order:
                example = pointer(context.order, 0)[example]
            if context.labels:
                clear(target, size)
                target[pointer(context.labels, 0)[example]] = 1
            else:
                target = pointer(context.targets + example * size * item, like)
            p = pointer(predictions + row * size * item, like)
            dp = pointer(gradient + row * size * item, like)
            value = of_example(operands, p, target, dp, size, like)
            factor = scale
            if context.weights:
                factor *= pointer(context.weights, 0.0)[example]
            total += factor * value
            for i in range(size):
                dp[i] *= constant(factor, like)
        return total

    return row_by_row


@kernel
def first_example(task: Task) -> int:
    """The first of a task's rows, in the run."""
    return task.chunk_start + task.begin


@kernel
def loss_scale(context: Context, start: int) -> float:
    """1 / Σ w, what makes a sum the mean."""
    if not context.takes_mean:
        return 1.0
    counted = pointer(context.divisors, 0.0)[start // context.batch_size]
    divisor = counted * context.values
    return 1 / divisor if divisor else 1.0  # nothing counts: 0, and not 0 / 0


@kernel
def is_plain(context: Context) -> bool:
    """True if targets lie side by side, in the order of the examples, all counting the same."""
    return not (context.order or context.labels or context.weights)


# --- the formulas: of one value, and of its derivative --------------------------------------------


@kernel
def square(p: Any, target: Any, setting: Any) -> Any:
    """(p - t)²."""
    return (p - target) * (p - target)


@kernel
def square_slope(p: Any, target: Any, setting: Any) -> Any:
    return (p - target) + (p - target)


@kernel
def distance(p: Any, target: Any, setting: Any) -> Any:
    """|p - t|."""
    return abs(p - target)


@kernel
def distance_slope(p: Any, target: Any, setting: Any) -> Any:
    away, zero = p - target, constant(0.0, p)
    return zero if away == zero else math.copysign(constant(1.0, p), away)


@kernel
def huber(p: Any, target: Any, delta: Any) -> Any:
    """h (d - h / 2) with d = p - t, and h that is d held between -δ and δ."""
    away = p - target
    held = min(max(away, -delta), delta)
    return held * (away - held * constant(0.5, p))


@kernel
def huber_slope(p: Any, target: Any, delta: Any) -> Any:
    return min(max(p - target, -delta), delta)


@kernel
def cross_entropy_of_logit(z: Any, target: Any, setting: Any) -> Any:
    """log(1 + exp(z)) - t z."""
    return softplus(z) - target * z


@kernel
def cross_entropy_of_logit_slope(z: Any, target: Any, setting: Any) -> Any:
    return sigmoid(z) - target


@kernel
def binary_cross_entropy(p: Any, target: Any, margin: Any) -> Any:
    """-t log p - (1 - t) log(1 - p), with p held away from 0 and 1."""
    one = constant(1.0, p)
    held = min(max(p, margin), one - margin)
    return -(target * math.log(held) + (one - target) * math.log1p(-held))


@kernel
def binary_cross_entropy_slope(p: Any, target: Any, margin: Any) -> Any:
    zero, one = constant(0.0, p), constant(1.0, p)
    held = min(max(p, margin), one - margin)
    return (held - target) / (held * (one - held)) if held == p else zero


@kernel
def hinge(p: Any, target: Any, setting: Any) -> Any:
    """max(1 - t p, 0), where a target of 0 means -1."""
    zero, one = constant(0.0, p), constant(1.0, p)
    sign = -one if target == zero else target
    return max(one - sign * p, zero)


@kernel
def hinge_slope(p: Any, target: Any, setting: Any) -> Any:
    zero, one = constant(0.0, p), constant(1.0, p)
    sign = -one if target == zero else target
    return -sign if one - sign * p > zero else zero


@kernel
def categorical_cross_entropy(p: Any, target: Any, margin: Any) -> Any:
    """-t log p, with p held above the margin."""
    return -(target * math.log(max(p, margin)))


@kernel
def categorical_cross_entropy_slope(p: Any, target: Any, margin: Any) -> Any:
    return -target / p if p >= margin else constant(0.0, p)


@kernel
def divergence(log_p: Any, target: Any, setting: Any) -> Any:
    """t (log t - log p)."""
    zero = constant(0.0, log_p)
    return target * (math.log(target) - log_p) if target > zero else zero


@kernel
def divergence_slope(log_p: Any, target: Any, setting: Any) -> Any:
    return -target


@kernel
def softmax_cross_entropy(operands: Any, z: Any, t: Any, dz: Any, classes: int, like: Any) -> float:
    """-Σ_c q_c log p_c with p = softmax(z); derivative p Σ_c q_c - q. dz holds what
    `take_exponentials` left there."""
    smoothing, class_weights = operands.setting, pointer(operands.class_weights, like)
    highest, total = highest_of(z, 0, classes), constant(0.0, like)
    for c in range(classes):
        total += dz[c]
    log_sum, inverse = constant(math.log(total), like), constant(1.0, like) / total
    keep = constant(1 - smoothing, like)
    spread = constant(smoothing / classes, like)
    value, sum_q = constant(0.0, like), constant(0.0, like)
    for c in range(classes):
        q = (keep * t[c] + spread) * class_weights[c]
        log_p = z[c] - highest - log_sum
        value -= q * log_p
        sum_q += q
    for c in range(classes):
        q = (keep * t[c] + spread) * class_weights[c]
        dz[c] = dz[c] * inverse * sum_q - q
    return value


@kernel
def take_exponentials(z: Any, e: Any, rows: int, classes: int) -> None:
    """e_c = exp(z_c - highest) in every row; all at once, for a row is too short for vectors."""
    for row in range(0, rows * classes, classes):
        highest = highest_of(z, row, classes)
        for c in range(row, row + classes):
            e[c] = z[c] - highest
    for i in range(rows * classes):
        e[i] = exp_of_negative(e[i])


# --- the losses -----------------------------------------------------------------------------------

each_softmax_cross_entropy = by_rows(softmax_cross_entropy)


def softmax_cross_entropy_loss(task: Task, like: Any) -> None:
    """The exponentials of all rows, then the loss of each."""
    operands: Any = read(task, Loss)
    context = context_at(task.context)
    z, dz = pointer(operands.predictions.address, like), pointer(operands.gradient.address, like)
    take_exponentials(z, dz, count_rows(task), operands.predictions.size)
    scale = loss_scale(context, task.chunk_start)
    total = each_softmax_cross_entropy(task, operands, scale, like)
    add_to_total(context.partial_losses, task.share, total)


CRITERIA: dict[type[losses.Loss], Criterion] = {
    losses.MeanSquaredError: of_values("SquaredError", square, square_slope),
    losses.MeanAbsoluteError: of_values("AbsoluteError", distance, distance_slope),
    losses.Huber: of_values("HuberLoss", huber, huber_slope, setting="delta"),
    losses.BinaryCrossEntropy: of_values(
        "BinaryCrossEntropy", binary_cross_entropy, binary_cross_entropy_slope, setting="margin"
    ),
    losses.Hinge: of_values("Hinge", hinge, hinge_slope),
    losses.SoftmaxCrossEntropy: Criterion(
        operation("SoftmaxCrossEntropy", Loss, softmax_cross_entropy_loss),
        "label_smoothing",
        is_of_example=True,
    ),
    losses.CategoricalCrossEntropy: of_values(
        "CategoricalCrossEntropy",
        categorical_cross_entropy,
        categorical_cross_entropy_slope,
        setting="margin",
        is_of_example=True,
    ),
    losses.KLDivergence: of_values("Divergence", divergence, divergence_slope, is_of_example=True),
}
BINARY_CROSS_ENTROPY_OF_LOGITS = of_values(
    "BinaryCrossEntropyOfLogits", cross_entropy_of_logit, cross_entropy_of_logit_slope
)
