"""The activations that act value by value. Each is entered once: at the end, with the formulas
above."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from chainrule import layers
from chainrule.engine.codegen.functions import (
    exp_minus_1_of_negative,
    exp_of_negative,
    normal_below,
    normal_density,
    sigmoid,
    softplus,
    tanh,
)
from chainrule.engine.codegen.kernel import Kernel, kernel
from chainrule.engine.codegen.native import constant, copy, pointer
from chainrule.engine.codegen.operands import count_rows, read
from chainrule.engine.program.instructions import Tensor
from chainrule.engine.program.lowering import Lowered, Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import lowers, operation
from chainrule.layers.activations import GELU_CUBIC, SELU_ALPHA, SELU_SCALE, SQRT_2_OVER_PI
from chainrule.layers.base import Layer
from chainrule.types import Shape

SELU_LOW = SELU_SCALE * SELU_ALPHA


class Activate(NamedTuple):
    """y = f(x), value by value. Each activation is an operation of its own with these operands."""

    x: Tensor
    y: Tensor
    setting: float


class ActivateDx(NamedTuple):
    """dx = f'(x) dy, where `kept` is y or x."""

    dy: Tensor
    dx: Tensor
    kept: Tensor
    setting: float


@dataclass(frozen=True)
class Activation:
    """An activation's two operations.

    Args:
        forward, backward: the classes of their operands.
        keeps_output: True if the derivative follows from y: x need not be kept, and y may take its
            place.
    """

    forward: type
    backward: type
    keeps_output: bool


def activation(
    name: str, value: Kernel, *, dx_from_y: Kernel | None = None, dx_from_x: Kernel | None = None
) -> Activation:
    """Enter an activation: its operations, and a compiled loop for each.

    Args:
        name: as in ``LeakyRelu``.
        value: ``f(x, setting)``.
        dx_from_y, dx_from_x: one of them, ``dx(y, dy, setting)`` or ``dx(x, dy, setting)``.
    """
    derivative = dx_from_y or dx_from_x or value

    def activate(task: Task, like: Any) -> None:
        operands: Any = read(task, Activate)
        count, setting = count_rows(task) * operands.x.size, constant(operands.setting, like)
        y = to_work_on(operands.x.address, operands.y.address, count, like)
        for i in range(count):
            y[i] = value(y[i], setting)

    def activate_dx(task: Task, like: Any) -> None:
        operands: Any = read(task, ActivateDx)
        count, setting = count_rows(task) * operands.dy.size, constant(operands.setting, like)
        dx = to_work_on(operands.dy.address, operands.dx.address, count, like)
        kept = pointer(operands.kept.address, like)
        for i in range(count):
            dx[i] = derivative(kept[i], dx[i], setting)

    return Activation(
        operation(name, Activate, activate),
        operation(f"{name}Dx", ActivateDx, activate_dx),
        keeps_output=dx_from_y is not None,
    )


@kernel
def to_work_on(x: int, y: int, count: int, like: Any) -> Any:
    """y with the values of x, to be changed in place: a loop over one array is vectorized where one
    over two, which might overlap, is not."""
    if y != x:
        copy(pointer(x, like), pointer(y, like), count)
    return pointer(y, like)


def lower_activation(to: Lowering, x: Tensor, which: Activation, setting: float) -> Lowered:
    """y takes the place of x where neither this derivative nor anyone else needs x."""
    y = x if x.owned and which.keeps_output else to.output(x, x.size)
    y.owned = False
    to.forward(which.forward(x, y, setting))
    kept = y if which.keeps_output else x
    if kept is x:
        y.owned, x.owned = True, False

    def pull(dy: Tensor) -> Tensor | None:
        dx = dy if dy.owned else to.output(x, x.size)
        to.backward(which.backward(dy, dx, kept, setting))
        return dx

    return y, pull


def lower_as(
    layer: type[Layer], which: Activation, setting: Callable[[Any], float] = lambda layer: 0.0
) -> None:
    """Lower a type of layer as an activation; `setting` reads the layer's number, if it has one."""

    @lowers(layer, elementwise=True)
    def lower(to: Lowering, layer: Layer, x: Tensor, shape: Shape) -> Lowered:
        return lower_activation(to, x, which, setting(layer))


# --- the formulas: of one value, and of its derivative times dy -----------------------------------


@kernel
def relu(x: Any, setting: Any) -> Any:
    """max(x, 0)."""
    zero = constant(0.0, x)
    return zero if x <= zero else x


@kernel
def relu_dx(y: Any, dy: Any, setting: Any) -> Any:
    zero = constant(0.0, y)
    return dy if y > zero else zero


@kernel
def leaky_relu(x: Any, slope: Any) -> Any:
    """x where it is positive, slope · x elsewhere."""
    return x if x > constant(0.0, x) else slope * x


@kernel
def leaky_relu_dx(y: Any, dy: Any, slope: Any) -> Any:
    return dy if y > constant(0.0, y) else slope * dy


@kernel
def elu(x: Any, alpha: Any) -> Any:
    """x where it is positive, α (exp(x) - 1) elsewhere."""
    zero = constant(0.0, x)
    below = alpha * exp_minus_1_of_negative(zero if x > zero else x)
    return x if x > zero else below


@kernel
def elu_dx(y: Any, dy: Any, alpha: Any) -> Any:
    return (constant(1.0, y) if y > constant(0.0, y) else y + alpha) * dy


@kernel
def selu(x: Any, setting: Any) -> Any:
    """λ x where x is positive, λ α (exp(x) - 1) elsewhere."""
    zero = constant(0.0, x)
    below = constant(SELU_LOW, x) * exp_minus_1_of_negative(zero if x > zero else x)
    return constant(SELU_SCALE, x) * x if x > zero else below


@kernel
def selu_dx(y: Any, dy: Any, setting: Any) -> Any:
    above, below = constant(SELU_SCALE, y), y + constant(SELU_LOW, y)
    return (above if y > constant(0.0, y) else below) * dy


@kernel
def sigmoid_of(x: Any, setting: Any) -> Any:
    """σ(x) = 1 / (1 + exp(-x))."""
    return sigmoid(x)


@kernel
def sigmoid_dx(y: Any, dy: Any, setting: Any) -> Any:
    return dy * y * (constant(1.0, y) - y)


@kernel
def tanh_of(x: Any, setting: Any) -> Any:
    """tanh(x)."""
    return tanh(x)


@kernel
def tanh_dx(y: Any, dy: Any, setting: Any) -> Any:
    return dy * (constant(1.0, y) - y * y)


@kernel
def softplus_of(x: Any, setting: Any) -> Any:
    """log(1 + exp(x))."""
    return softplus(x)


@kernel
def softplus_dx(x: Any, dy: Any, setting: Any) -> Any:
    return dy * sigmoid(x)


@kernel
def silu(x: Any, setting: Any) -> Any:
    """x σ(x)."""
    return x * sigmoid(x)


@kernel
def silu_dx(x: Any, dy: Any, setting: Any) -> Any:
    one, s = constant(1.0, x), sigmoid(x)
    return dy * s * (one + x * (one - s))


@kernel
def mish(x: Any, setting: Any) -> Any:
    """x tanh(softplus(x))."""
    return x * tanh_of_softplus(x, exp_of_negative(-abs(x)))


@kernel
def mish_dx(x: Any, dy: Any, setting: Any) -> Any:
    one, e = constant(1.0, x), exp_of_negative(-abs(x))
    t, s = tanh_of_softplus(x, e), (one if x >= constant(0.0, x) else e) / (one + e)
    return dy * (t + x * (one - t * t) * s)


@kernel
def tanh_of_softplus(x: Any, e: Any) -> Any:
    """tanh(log(1 + exp(x))) = (exp(x)² + 2 exp(x)) / (exp(x)² + 2 exp(x) + 2), with e = exp(-|x|):
    above zero, both sides of the fraction are divided by exp(x)²."""
    one, two = constant(1.0, x), constant(2.0, x)
    above, below = one + two * e, e * (e + two)
    rest_above, is_above = two * e * e, x >= constant(0.0, x)
    part, rest = (above if is_above else below), (rest_above if is_above else two)
    return part / (part + rest)


@kernel
def gelu(x: Any, setting: Any) -> Any:
    """x Φ(x)."""
    return x * normal_below(x)


@kernel
def gelu_dx(x: Any, dy: Any, setting: Any) -> Any:
    return dy * (normal_below(x) + x * normal_density(x))


@kernel
def gelu_tanh(x: Any, setting: Any) -> Any:
    """x (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2."""
    return x * constant(0.5, x) * (constant(1.0, x) + tanh(gelu_argument(x)))


@kernel
def gelu_tanh_dx(x: Any, dy: Any, setting: Any) -> Any:
    half, one, t = constant(0.5, x), constant(1.0, x), tanh(gelu_argument(x))
    slope = constant(SQRT_2_OVER_PI, x) * (one + constant(3 * GELU_CUBIC, x) * x * x)
    return dy * half * (one + t + x * (one - t * t) * slope)


@kernel
def gelu_argument(x: Any) -> Any:
    """√(2/π) (x + 0.044715 x³)."""
    return constant(SQRT_2_OVER_PI, x) * (x + constant(GELU_CUBIC, x) * x * x * x)


@kernel
def hard_sigmoid(x: Any, setting: Any) -> Any:
    """x / 6 + 1/2, held between 0 and 1."""
    zero, half, one = constant(0.0, x), constant(0.5, x), constant(1.0, x)
    return min(max(x * constant(1 / 6, x) + half, zero), one)


@kernel
def hard_sigmoid_dx(x: Any, dy: Any, setting: Any) -> Any:
    return dy * constant(1 / 6, x) if abs(x) < constant(3.0, x) else constant(0.0, x)


# --- the activations ------------------------------------------------------------------------------

lower_as(layers.ReLU, activation("Relu", relu, dx_from_y=relu_dx))
lower_as(
    layers.LeakyReLU,
    activation("LeakyRelu", leaky_relu, dx_from_y=leaky_relu_dx),
    setting=lambda layer: layer.slope,
)
lower_as(layers.ELU, activation("Elu", elu, dx_from_y=elu_dx), setting=lambda layer: layer.alpha)
lower_as(layers.SELU, activation("Selu", selu, dx_from_y=selu_dx))
lower_as(layers.Sigmoid, activation("Sigmoid", sigmoid_of, dx_from_y=sigmoid_dx))
lower_as(layers.Tanh, activation("Tanh", tanh_of, dx_from_y=tanh_dx))
lower_as(layers.Softplus, activation("Softplus", softplus_of, dx_from_x=softplus_dx))
lower_as(layers.SiLU, activation("Silu", silu, dx_from_x=silu_dx))
lower_as(layers.Mish, activation("Mish", mish, dx_from_x=mish_dx))
lower_as(layers.HardSigmoid, activation("HardSigmoid", hard_sigmoid, dx_from_x=hard_sigmoid_dx))

GELU = activation("Gelu", gelu, dx_from_x=gelu_dx)
GELU_TANH = activation("GeluTanh", gelu_tanh, dx_from_x=gelu_tanh_dx)


@lowers(layers.GELU, elementwise=True)
def lower_gelu(to: Lowering, layer: layers.GELU, x: Tensor, shape: Shape) -> Lowered:
    which = GELU_TANH if layer.approximate == "tanh" else GELU
    return lower_activation(to, x, which, 0.0)
