"""The activation functions and their derivatives, over whole buffers."""

from __future__ import annotations

import math
from typing import Any

from chainrule.engine.codegen.functions import (
    exp_minus_1_of_negative,
    exp_of_negative,
    normal_below,
    normal_density,
    sigmoid,
    softplus,
    tanh,
)
from chainrule.engine.codegen.native import constant, copy, kernel, pointer
from chainrule.engine.codegen.scene import Scene, read
from chainrule.engine.program.instructions import Curve, Op
from chainrule.layers.activations import GELU_CUBIC, SELU_ALPHA, SELU_SCALE, SQRT_2_OVER_PI

SELU_LOW = SELU_SCALE * SELU_ALPHA


@kernel
def activate(curve: int, y: Any, count: int, setting: float, like: Any) -> None:
    """y <- f(y)."""
    a = constant(setting, like)
    zero, half, one = constant(0.0, like), constant(0.5, like), constant(1.0, like)
    if curve == Curve.RELU:
        for i in range(count):
            y[i] = zero if y[i] <= zero else y[i]
    elif curve == Curve.LEAKY_RELU:
        for i in range(count):
            y[i] = y[i] if y[i] > zero else a * y[i]
    elif curve == Curve.ELU or curve == Curve.SELU:
        scale = constant(SELU_SCALE, like) if curve == Curve.SELU else one
        low = constant(SELU_LOW, like) if curve == Curve.SELU else a
        for i in range(count):
            below = low * exp_minus_1_of_negative(zero if y[i] > zero else y[i])
            y[i] = scale * y[i] if y[i] > zero else below
    elif curve == Curve.SIGMOID:
        for i in range(count):
            y[i] = sigmoid(y[i])
    elif curve == Curve.TANH:
        for i in range(count):
            y[i] = tanh(y[i])
    elif curve == Curve.SOFTPLUS:
        for i in range(count):
            y[i] = softplus(y[i])
    elif curve == Curve.SILU:
        for i in range(count):
            y[i] = y[i] * sigmoid(y[i])
    elif curve == Curve.GELU:
        for i in range(count):
            y[i] = y[i] * normal_below(y[i])
    elif curve == Curve.GELU_TANH:
        for i in range(count):
            y[i] = y[i] * half * (one + tanh(bend(y[i])))
    elif curve == Curve.HARD_SIGMOID:
        sixth = constant(1 / 6, like)
        for i in range(count):
            y[i] = min(max(y[i] * sixth + half, zero), one)


@kernel
def activate_dx(curve: int, z: Any, g: Any, count: int, setting: float, like: Any) -> None:
    """g <- f'(x) g, where z is y for the curves in FROM_OUTPUT and x for the others."""
    a = constant(setting, like)
    zero, half, one = constant(0.0, like), constant(0.5, like), constant(1.0, like)
    if curve == Curve.RELU:
        for i in range(count):
            g[i] = g[i] if z[i] > zero else zero
    elif curve == Curve.LEAKY_RELU:
        for i in range(count):
            g[i] = g[i] if z[i] > zero else a * g[i]
    elif curve == Curve.ELU or curve == Curve.SELU:
        scale = constant(SELU_SCALE, like) if curve == Curve.SELU else one
        low = constant(SELU_LOW, like) if curve == Curve.SELU else a
        for i in range(count):
            g[i] = (scale if z[i] > zero else z[i] + low) * g[i]
    elif curve == Curve.SIGMOID:
        for i in range(count):
            g[i] = g[i] * z[i] * (one - z[i])
    elif curve == Curve.TANH:
        for i in range(count):
            g[i] = g[i] * (one - z[i] * z[i])
    elif curve == Curve.SOFTPLUS:
        for i in range(count):
            g[i] = g[i] * sigmoid(z[i])
    elif curve == Curve.SILU:
        for i in range(count):
            s = sigmoid(z[i])
            g[i] = g[i] * s * (one + z[i] * (one - s))
    elif curve == Curve.GELU:
        for i in range(count):
            g[i] = g[i] * (normal_below(z[i]) + z[i] * normal_density(z[i]))
    elif curve == Curve.GELU_TANH:
        for i in range(count):
            t = tanh(bend(z[i]))
            slope = constant(SQRT_2_OVER_PI, like) * (
                one + constant(3 * GELU_CUBIC, like) * z[i] * z[i]
            )
            g[i] = g[i] * half * (one + t + z[i] * (one - t * t) * slope)
    elif curve == Curve.HARD_SIGMOID:
        three, sixth = constant(3.0, like), constant(1 / 6, like)
        for i in range(count):
            g[i] = g[i] * sixth if abs(z[i]) < three else zero


@kernel
def bend(x: Any) -> Any:
    """√(2/π) (x + 0.044715 x³), the argument of tanh in GELU."""
    return constant(SQRT_2_OVER_PI, x) * (x + constant(GELU_CUBIC, x) * x * x * x)


@kernel
def softmax(x: Any, y: Any, rows: int, columns: int, like: Any) -> None:
    """y_i = exp(x_i) / Σ_j exp(x_j) in every row."""
    for n in range(rows):
        highest, total = highest_and_sum(x, n * columns, columns, like)
        inverse = constant(1.0, like) / total
        for c in range(n * columns, (n + 1) * columns):
            y[c] = exp_of_negative(x[c] - highest) * inverse


@kernel
def softmax_dx(y: Any, dy: Any, dx: Any, rows: int, columns: int, like: Any) -> None:
    """dx_i = y_i (dy_i - Σ_j dy_j y_j) in every row."""
    for n in range(rows):
        total = constant(0.0, like)
        for c in range(n * columns, (n + 1) * columns):
            total += dy[c] * y[c]
        for c in range(n * columns, (n + 1) * columns):
            dx[c] = y[c] * (dy[c] - total)


@kernel
def log_softmax(x: Any, y: Any, rows: int, columns: int, like: Any) -> None:
    """y_i = x_i - log Σ_j exp(x_j) in every row."""
    for n in range(rows):
        highest, total = highest_and_sum(x, n * columns, columns, like)
        log_sum = constant(math.log(total), like)
        for c in range(n * columns, (n + 1) * columns):
            y[c] = x[c] - highest - log_sum


@kernel
def log_softmax_dx(y: Any, dy: Any, dx: Any, rows: int, columns: int, like: Any) -> None:
    """dx_i = dy_i - exp(y_i) Σ_j dy_j in every row."""
    for n in range(rows):
        total = constant(0.0, like)
        for c in range(n * columns, (n + 1) * columns):
            total += dy[c]
        for c in range(n * columns, (n + 1) * columns):
            dx[c] = dy[c] - exp_of_negative(y[c]) * total


@kernel
def highest_of(x: Any, begin: int, count: int) -> Any:
    """The highest of a stretch of x."""
    highest = x[begin]
    for i in range(begin + 1, begin + count):
        highest = max(highest, x[i])
    return highest


@kernel
def highest_and_sum(x: Any, begin: int, count: int, like: Any) -> Any:
    """The highest of a stretch of x, and Σ_i exp(x_i - highest)."""
    highest = highest_of(x, begin, count)
    total = constant(0.0, like)
    for i in range(begin, begin + count):
        total += exp_of_negative(x[i] - highest)
    return highest, total


def handle_activation(task: int, like: Any) -> None:
    """y = f(x), value by value."""
    scene = read(task)
    y, count = to_work_on(scene, like), scene.rows * scene.x_size
    activate(scene.size[0], y, count, scene.number[0], like)


def handle_activation_dx(task: int, like: Any) -> None:
    """dx = f'(x) dy."""
    scene = read(task)
    dx, count = to_work_on(scene, like), scene.rows * scene.x_size
    activate_dx(scene.size[0], pointer(scene.z, like), dx, count, scene.number[0], like)


@kernel
def to_work_on(scene: Scene, like: Any) -> Any:
    """The second operand with the values of the first, to be changed in place: a loop over one
    array is vectorized where one over two, which might overlap, is not."""
    if scene.y != scene.x:
        copy(pointer(scene.x, like), pointer(scene.y, like), scene.rows * scene.x_size)
    return pointer(scene.y, like)


def handle_softmax(task: int, like: Any) -> None:
    """Softmax and its logarithm in both directions, over rows of size[0]."""
    scene = read(task)
    x, y, z = pointer(scene.x, like), pointer(scene.y, like), pointer(scene.z, like)
    columns = scene.size[0]
    rows = scene.rows * scene.x_size // columns
    if scene.op == Op.SOFTMAX:
        softmax(x, y, rows, columns, like)
    elif scene.op == Op.SOFTMAX_DX:
        softmax_dx(z, x, y, rows, columns, like)
    elif scene.op == Op.LOG_SOFTMAX:
        log_softmax(x, y, rows, columns, like)
    else:
        log_softmax_dx(z, x, y, rows, columns, like)
