"""The losses, one example at a time: l and its derivative, as in `chainrule.losses`."""

from __future__ import annotations

import enum
import math
from typing import Any, NamedTuple

import numpy as np

from chainrule import losses
from chainrule.engine.codegen.functions import exp_of_negative, sigmoid, softplus
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import clear, constant, pointer, size_of
from chainrule.engine.codegen.operands import add_to_total, context_at, count_rows, read
from chainrule.engine.operations.softmax import highest_of
from chainrule.engine.program.instructions import Private, Tensor
from chainrule.engine.program.lowering import Lowering
from chainrule.engine.program.obstacles import Unlowerable
from chainrule.engine.program.records import Context, Task
from chainrule.engine.program.registry import handles
from chainrule.types import Array, Shape


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


# The criterion, and the attribute that is its setting.
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
# Losses of one number for each example, where others have one for each of its values.
PER_EXAMPLE = (losses.SoftmaxCrossEntropy, losses.CategoricalCrossEntropy, losses.KLDivergence)


class Loss(NamedTuple):
    """The loss of every example, and its derivative."""

    predictions: Tensor
    gradient: Tensor
    class_weights: Array
    target: Private  # where a class number becomes a row of zeros and a one
    criterion: int
    setting: float


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
    to.forward(Loss(y, gradient, class_weights, Private(y.size), criterion, number))


# --- kernels --------------------------------------------------------------------------------------


@handles(Loss)
def loss(task: Task, like: Any) -> None:
    """The losses of the rows, added to the thread's; their derivatives."""
    operands: Any = read(task, Loss)
    context = context_at(task.context)
    scale = loss_scale(context, task.chunk_start)
    first = task.chunk_start + task.begin
    if operands.criterion < Criterion.SOFTMAX_CROSS_ENTROPY and is_plain(context):
        total = scale * take_plain_losses(task, operands, first, constant(scale, like), like)
    else:
        total = take_losses(task, operands, first, scale, like)
    add_to_total(context.partial_losses, task.share, total)


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


@kernel
def take_plain_losses(task: Task, operands: Any, first: int, scale: Any, like: Any) -> float:
    """The losses of all rows at once, value by value."""
    size = operands.predictions.size
    values = count_rows(task) * size
    targets = context_at(task.context).targets + first * size * size_of(like)
    p, t = pointer(operands.predictions.address, like), pointer(targets, like)
    dp, class_weights = (
        pointer(operands.gradient.address, like),
        pointer(operands.class_weights, like),
    )
    total = loss_of_example(
        operands.criterion, p, t, dp, values, operands.setting, class_weights, like
    )
    for i in range(values):
        dp[i] *= scale
    return total


@kernel
def take_losses(task: Task, operands: Any, first: int, scale: float, like: Any) -> float:
    """The losses of the rows, one by one."""
    context, rows = context_at(task.context), count_rows(task)
    size, item = operands.predictions.size, size_of(like)
    predictions, gradient = operands.predictions.address, operands.gradient.address
    target, class_weights = pointer(operands.target, like), pointer(operands.class_weights, like)
    if operands.criterion == Criterion.SOFTMAX_CROSS_ENTROPY:
        take_exponentials(pointer(predictions, like), pointer(gradient, like), rows, size)
    total = 0.0
    for row in range(rows):
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
        value = loss_of_example(
            operands.criterion, p, target, dp, size, operands.setting, class_weights, like
        )
        factor = scale
        if context.weights:
            factor *= pointer(context.weights, 0.0)[example]
        total += factor * value
        for i in range(size):
            dp[i] *= constant(factor, like)
    return total


@kernel
def loss_of_example(
    criterion: int,
    p: Any,
    t: Any,
    dp: Any,
    count: int,
    setting: float,
    class_weights: Any,
    like: Any,
) -> float:
    """The loss of one example with `count` predictions p; its derivative goes to dp.

    `t` is the target, as many numbers; `setting` the delta, margin or label smoothing.
    """
    if criterion == Criterion.SOFTMAX_CROSS_ENTROPY:
        return softmax_cross_entropy(p, t, dp, count, setting, class_weights, like)
    a = constant(setting, like)
    value = sum_losses(criterion, p, t, count, a, like)
    differentiate(criterion, p, t, dp, count, a, like)
    return value


@kernel
def sum_losses(criterion: int, p: Any, t: Any, count: int, a: Any, like: Any) -> float:
    """Σ_i l(p_i, t_i). Nothing is written within this loop: else LLVM may make two of it, and take
    at each run the one that fits how the arrays lie; their sums have another order."""
    total = 0.0
    one, zero, half = constant(1.0, like), constant(0.0, like), constant(0.5, like)
    for i in range(count):
        q, target = p[i], t[i]
        away = q - target
        if criterion == Criterion.MEAN_SQUARED_ERROR:
            total += away * away
        elif criterion == Criterion.MEAN_ABSOLUTE_ERROR:
            total += abs(away)
        elif criterion == Criterion.HUBER:
            held = min(max(away, -a), a)
            total += held * (away - held * half)
        elif criterion == Criterion.BINARY_CROSS_ENTROPY_OF_LOGITS:
            total += softplus(q) - target * q
        elif criterion == Criterion.BINARY_CROSS_ENTROPY:
            held = min(max(q, a), one - a)
            total -= target * math.log(held) + (one - target) * math.log1p(-held)
        elif criterion == Criterion.HINGE:
            sign = -one if target == zero else target
            total += max(one - sign * q, zero)
        elif criterion == Criterion.CATEGORICAL_CROSS_ENTROPY:
            total -= target * math.log(max(q, a))
        elif criterion == Criterion.KL_DIVERGENCE and target > zero:
            total += target * (math.log(target) - q)
    return total


@kernel
def differentiate(criterion: int, p: Any, t: Any, dp: Any, count: int, a: Any, like: Any) -> None:
    """dp_i = ∂l(p_i, t_i) / ∂p_i."""
    one, zero = constant(1.0, like), constant(0.0, like)
    for i in range(count):
        q, target = p[i], t[i]
        away = q - target
        if criterion == Criterion.MEAN_SQUARED_ERROR:
            dp[i] = away + away
        elif criterion == Criterion.MEAN_ABSOLUTE_ERROR:
            dp[i] = zero if away == zero else math.copysign(one, away)
        elif criterion == Criterion.HUBER:
            dp[i] = min(max(away, -a), a)
        elif criterion == Criterion.BINARY_CROSS_ENTROPY_OF_LOGITS:
            dp[i] = sigmoid(q) - target
        elif criterion == Criterion.BINARY_CROSS_ENTROPY:
            held = min(max(q, a), one - a)
            dp[i] = (held - target) / (held * (one - held)) if held == q else zero
        elif criterion == Criterion.HINGE:
            sign = -one if target == zero else target
            dp[i] = -sign if one - sign * q > zero else zero
        elif criterion == Criterion.CATEGORICAL_CROSS_ENTROPY:
            dp[i] = -target / q if q >= a else zero
        elif criterion == Criterion.KL_DIVERGENCE:
            dp[i] = -target


@kernel
def softmax_cross_entropy(
    z: Any, t: Any, dz: Any, classes: int, smoothing: float, class_weights: Any, like: Any
) -> float:
    """-Σ_c q_c log p_c with p = softmax(z); derivative p Σ_c q_c - q. dz holds what
    `take_exponentials` left there."""
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
