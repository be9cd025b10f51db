"""What completes a step, on each thread's share of the parameters: the gradient of all threads,
penalties, clipping, and the optimizers' updates in one pass, as in `chainrule.optimizers`.

What depends on the step alone, bias corrections among it, comes as coefficients.
"""

from __future__ import annotations

import math
from typing import Any

from chainrule.engine.codegen.native import clear, constant, kernel, pointer, size_of
from chainrule.engine.codegen.scene import penalties, read, read_share, total_of_threads
from chainrule.engine.program import column, place
from chainrule.engine.program.instructions import Rule


@kernel
def update(
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


@kernel
def penalize(w: Any, g: Any, l1: float, l2: float, count: int, like: Any) -> float:
    """Add a regularizer's derivative to the gradient; its penalty."""
    first, second = constant(l1, like), constant(l2, like)
    zero, one, half = constant(0.0, like), constant(1.0, like), constant(0.5, like)
    penalty = 0.0
    for k in range(count):
        sign = zero if w[k] == 0 else math.copysign(one, w[k])
        g[k] += first * sign + second * w[k]
        penalty += first * abs(w[k]) + half * second * w[k] * w[k]
    return penalty


@kernel
def clip(g: Any, lowest: float, highest: float, count: int, like: Any) -> float:
    """Hold the gradient within its limits; the sum of its squares."""
    low, high = constant(lowest, like), constant(highest, like)
    squares = 0.0
    for k in range(count):
        g[k] = low if g[k] < low else (high if g[k] > high else g[k])
        squares += g[k] * g[k]
    return squares


@kernel
def arrange(
    w: Any,
    arranged: Any,
    begin: int,
    end: int,
    inner: int,
    width: int,
    taps: int,
    groups: int,
    turned: int,
    swapped: int,
    along_width: int,
) -> None:
    """Copy weights (taps, inner, width) into the order in which a product reads them.

    `turned` takes the taps from last to first, `swapped` exchanges the other two axes. The groups
    of channels, which lie along `width` or along `inner`, come apart.
    """
    if groups == 1 and swapped:
        transpose(w, arranged, begin, end, inner, width, taps, turned)
        return
    group_width = width // groups if along_width else width
    group_inner = inner if along_width else inner // groups
    for row in range(begin, end):
        tap, k = row // inner, row % inner
        if turned:
            tap = taps - 1 - tap
        for o in range(width):
            group = o // group_width if along_width else k // group_inner
            a, b = k % group_inner, o % group_width
            if swapped:
                to = (tap * group_width + b) * group_inner + a
            else:
                to = (tap * group_inner + a) * group_width + b
            arranged[group * taps * group_inner * group_width + to] = w[row * width + o]


@kernel
def transpose(
    w: Any, arranged: Any, begin: int, end: int, inner: int, width: int, taps: int, turned: int
) -> None:
    """The same for one group with its axes exchanged, a few rows at a time, so that what is read
    and what is written stay in the cache."""
    row = begin
    while row < end:
        tap, k = row // inner, row % inner
        count = min(end - row, inner - k, 16)
        to = ((taps - 1 - tap) if turned else tap) * width * inner + k
        for o in range(width):
            for r in range(count):
                arranged[to + o * inner + r] = w[(row + r) * width + o]
        row += count


@kernel
def norm_scale(context: Any) -> float:
    """What shortens the gradient to the norm it may have."""
    if not context[place.CLIP_NORM]:
        return 1.0
    limit = pointer(context[place.CLIP_NORM], 0.0)[0]
    norm = math.sqrt(total_of_threads(context[place.SQUARES], context[place.THREADS]))
    return limit / norm if norm > limit else 1.0


def handle_gather(task: int, like: Any) -> None:
    """gradient (+)= the sum of all threads' parts. Where size[3] is set, the parts have the last
    two axes, that size and the gradient's own, exchanged."""
    scene = read(task)
    begin, end, width, count = read_share(scene)
    context, private, inner = scene.context, scene.private[0], scene.size[3]
    gradient = pointer(scene.array[0] + begin * width * size_of(like), like)
    if scene.size[2]:
        clear(gradient, count)
    for t in range(context[place.THREADS]):
        at = context[place.PRIVATE] + t * context[place.PRIVATE_BYTES] + private
        part = pointer(at, like)
        if inner:
            for row in range(begin, end):
                tap, k = row // inner, row % inner
                for o in range(width):
                    g = (row - begin) * width + o
                    gradient[g] += part[(tap * width + o) * inner + k]
        else:
            for i in range(count):
                gradient[i] += part[begin * width + i]


def handle_penalty(task: int, like: Any) -> None:
    """A regularizer's penalty and its derivative."""
    scene = read(task)
    part = read_share(scene)
    offset = part.begin * part.width * size_of(like)
    w, g = pointer(scene.array[0] + offset, like), pointer(scene.array[1] + offset, like)
    total = penalize(w, g, scene.number[0], scene.number[1], part.values, like)
    place_of_total = penalties(scene.context, scene.task[column.STEP])
    pointer(place_of_total, 0.0)[scene.thread * column.LINE] += total


def handle_clip(task: int, like: Any) -> None:
    """Clip the gradient by value, and add up its squares."""
    scene = read(task)
    part = read_share(scene)
    g = pointer(scene.array[0] + part.begin * part.width * size_of(like), like)
    squares = clip(g, scene.number[0], scene.number[1], part.values, like)
    pointer(scene.context[place.SQUARES], 0.0)[scene.thread * column.LINE] += squares


def handle_update(task: int, like: Any) -> None:
    """One step of the optimizer, after clipping by norm and the weights' own decay."""
    scene = read(task)
    part = read_share(scene)
    offset, array = part.begin * part.width * size_of(like), scene.array
    w, g = pointer(array[0] + offset, like), pointer(array[1] + offset, like)
    coefficients = pointer(scene.context[place.COEFFICIENTS] + scene.task[column.STEP] * 32, 0.0)
    scale = constant(norm_scale(scene.context), like)
    if scale != 1:
        for k in range(part.values):
            g[k] *= scale
    if scene.number[0] != 0:
        keep = constant(1 - coefficients[0] * scene.number[0], like)
        for k in range(part.values):
            w[k] *= keep
    update(
        scene.size[2], w, g, pointer(array[2] + offset, like), pointer(array[3] + offset, like),
        pointer(array[4] + offset, like), coefficients, pointer(scene.context[place.SETTINGS], 0.0),
        part.values, like,
    )  # fmt: skip


def handle_arrange(task: int, like: Any) -> None:
    """Bring weights into the order in which a product reads them."""
    scene = read(task)
    part = read_share(scene)
    size = scene.size
    arrange(
        pointer(scene.array[0], like), pointer(scene.array[1], like), part.begin, part.end,
        size[0] // size[2], part.width, size[2], size[3], size[4], size[5], size[6],
    )  # fmt: skip
