"""The losses, one example at a time: l and its derivative, as in `chainrule.losses`."""

from __future__ import annotations

import math
from typing import Any

from chainrule.engine.codegen.functions import exp_of_negative, sigmoid, softplus
from chainrule.engine.codegen.native import clear, constant, kernel, pointer, size_of
from chainrule.engine.codegen.scene import Scene, read
from chainrule.engine.operations.activations import highest_of
from chainrule.engine.program import column, place
from chainrule.engine.program.instructions import Criterion


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
    total = 0.0
    one, zero = constant(1.0, like), constant(0.0, like)
    a = constant(setting, like)
    if criterion == Criterion.SOFTMAX_CROSS_ENTROPY:
        return softmax_cross_entropy(p, t, dp, count, setting, class_weights, like)
    for i in range(count):
        q, target = p[i], t[i]
        away = q - target
        if criterion == Criterion.MEAN_SQUARED_ERROR:
            total += away * away
            dp[i] = away + away
        elif criterion == Criterion.MEAN_ABSOLUTE_ERROR:
            total += abs(away)
            dp[i] = zero if away == zero else math.copysign(one, away)
        elif criterion == Criterion.HUBER:
            held = min(max(away, -a), a)
            total += held * (away - held * constant(0.5, like))
            dp[i] = held
        elif criterion == Criterion.BINARY_CROSS_ENTROPY_OF_LOGITS:
            total += softplus(q) - target * q
            dp[i] = sigmoid(q) - target
        elif criterion == Criterion.BINARY_CROSS_ENTROPY:
            held = min(max(q, a), one - a)
            total -= target * math.log(held) + (one - target) * math.log1p(-held)
            dp[i] = (held - target) / (held * (one - held)) if held == q else zero
        elif criterion == Criterion.HINGE:
            sign = -one if target == zero else target
            total += max(one - sign * q, zero)
            dp[i] = -sign if one - sign * q > zero else zero
        elif criterion == Criterion.CATEGORICAL_CROSS_ENTROPY:
            held = max(q, a)
            total -= target * math.log(held)
            dp[i] = -target / held if q >= a else zero
        elif criterion == Criterion.KL_DIVERGENCE:
            if target > zero:
                total += target * (math.log(target) - q)
            dp[i] = -target
    return total


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


@kernel
def loss_scale(context: Any, start: int) -> float:
    """1 / Σ w, what makes a sum the mean."""
    if not context[place.MEAN]:
        return 1.0
    counted = pointer(context[place.DIVISORS], 0.0)[start // context[place.BATCH]]
    divisor = counted * context[place.VALUES]
    return 1 / divisor if divisor else 1.0  # nothing counts: 0, and not 0 / 0


def handle_loss(task: int, like: Any) -> None:
    """The losses of the rows, added to the thread's; their derivatives."""
    scene = read(task)
    context, start = scene.context, scene.task[column.START]
    first = start + scene.task[column.BEGIN]
    scale = loss_scale(context, start)
    if scene.size[0] < Criterion.SOFTMAX_CROSS_ENTROPY and is_plain(context):
        total = scale * take_plain_losses(scene, first, constant(scale, like), like)
    else:
        total = take_losses(scene, first, scale, like)
    pointer(context[place.PARTIAL_LOSS], 0.0)[scene.thread * column.LINE] += total


@kernel
def is_plain(context: Any) -> bool:
    """Whether targets lie side by side, in the order of the examples, all counting the same."""
    return not (context[place.ORDER] or context[place.LABELS] or context[place.WEIGHTS])


@kernel
def take_plain_losses(scene: Scene, first: int, scale: Any, like: Any) -> float:
    """The losses of all rows at once, value by value."""
    values = scene.rows * scene.size[1]
    at = scene.context[place.TARGETS] + first * scene.size[1] * size_of(like)
    p, t, dp = pointer(scene.x, like), pointer(at, like), pointer(scene.y, like)
    total = loss_of_example(
        scene.size[0], p, t, dp, values, scene.number[0], pointer(scene.array[0], like), like
    )
    for i in range(values):
        dp[i] *= scale
    return total


@kernel
def take_losses(scene: Scene, first: int, scale: float, like: Any) -> float:
    """The losses of the rows, one by one."""
    context, size, item = scene.context, scene.size[1], size_of(like)
    target = pointer(scene.own + scene.private[0], like)
    class_weights = pointer(scene.array[0], like)
    if scene.size[0] == Criterion.SOFTMAX_CROSS_ENTROPY:
        take_exponentials(pointer(scene.x, like), pointer(scene.y, like), scene.rows, size)
    total = 0.0
    for row in range(scene.rows):
        example = first + row
        if context[place.ORDER]:
            example = pointer(context[place.ORDER], 0)[example]
        if context[place.LABELS]:
            clear(target, size)
            target[pointer(context[place.LABELS], 0)[example]] = 1
        else:
            target = pointer(context[place.TARGETS] + example * size * item, like)
        p = pointer(scene.x + row * size * item, like)
        dp = pointer(scene.y + row * size * item, like)
        value = loss_of_example(
            scene.size[0], p, target, dp, size, scene.number[0], class_weights, like
        )
        factor = scale
        if context[place.WEIGHTS]:
            factor *= pointer(context[place.WEIGHTS], 0.0)[example]
        total += factor * value
        for i in range(size):
            dp[i] *= constant(factor, like)
    return total
