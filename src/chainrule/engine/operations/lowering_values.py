"""How activations, normalization and dropout are lowered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import layers
from chainrule.engine.operations.lowering import Lowered, Lowering, RandomLayer
from chainrule.engine.program import column
from chainrule.engine.program.instructions import (
    FROM_OUTPUT,
    Curve,
    Instruction,
    Op,
    Private,
    Tensor,
)
from chainrule.layers.base import Layer
from chainrule.types import Shape


def lower_curve(
    curve: Curve, setting: Callable[[Any], float] = lambda layer: 0.0
) -> Callable[[Lowering, Any, Tensor, Shape], Lowered]:
    """What lowers an activation that acts value by value."""

    def lower(to: Lowering, layer: Any, x: Tensor, shape: Shape) -> Lowered:
        return lower_activation(to, x, curve, setting(layer))

    return lower


def lower_activation(to: Lowering, x: Tensor, curve: Curve, setting: float) -> Lowered:
    """y takes the place of x where neither this derivative nor anyone else needs x."""
    y = x if x.owned and curve in FROM_OUTPUT else to.output(x, x.size)
    y.owned = False
    details: dict[str, Any] = {"sizes": (curve,), "numbers": (setting,)}
    to.forward(Op.ACTIVATE, x, y, **details)
    kept = y if curve in FROM_OUTPUT else x
    if kept is x:
        y.owned, x.owned = True, False

    def pull(dy: Tensor) -> Tensor | None:
        dx = dy if dy.owned else to.output(x, x.size)
        to.backward(Op.ACTIVATE_DX, dy, dx, kept, **details)
        return dx

    return y, pull


def lower_gelu(to: Lowering, layer: layers.GELU, x: Tensor, shape: Shape) -> Lowered:
    curve = Curve.GELU_TANH if layer.approximate == "tanh" else Curve.GELU
    return lower_activation(to, x, curve, 0.0)


def lower_softmax(to: Lowering, layer: Layer, x: Tensor, shape: Shape) -> Lowered:
    logarithm = isinstance(layer, layers.LogSoftmax)
    y = to.output(x, x.size)
    y.owned = False  # its backward pass needs it
    op, op_dx = (Op.LOG_SOFTMAX, Op.LOG_SOFTMAX_DX) if logarithm else (Op.SOFTMAX, Op.SOFTMAX_DX)
    to.forward(op, x, y, sizes=shape[-1:])

    def pull(dy: Tensor) -> Tensor | None:
        dx = to.output(x, x.size)
        to.backward(op_dx, dy, dx, y, sizes=shape[-1:])
        return dx

    return y, pull


def lower_dropout(to: Lowering, layer: layers.Dropout, x: Tensor, shape: Shape) -> Lowered:
    if not to.training:
        return x, lambda dy: dy
    y, mask = to.output(x, x.size), Tensor(x.size)
    if layer not in to.random_layers:
        to.random_layers[layer] = RandomLayer(np.zeros(column.STATE_BYTES // 8, np.int64))
    random = to.random_layers[layer]
    draw = Instruction(
        Op.DROP,
        (x, y, mask),
        (random.state,),
        numbers=(layer.rate,),
        private=(Private(column.STATE_BYTES // 4),),
        blocked=False,
    )
    to.code.forward.append(draw)
    random.uses.append((draw, random.drawn))
    random.drawn += x.size
    for use, before in random.uses:
        use.sizes = (random.drawn, before)

    def pull(dy: Tensor) -> Tensor | None:
        dx = dy if dy.owned else to.output(x, x.size)
        to.backward(Op.DROP_DX, dy, dx, mask)
        return dx

    return y, pull


def lower_layer_norm(to: Lowering, layer: layers.LayerNorm, x: Tensor, shape: Shape) -> Lowered:
    size = shape[-1]
    y = to.output(x, x.size, learns=True)
    x_hat, inverse = Tensor(x.size), Tensor(x.size // size)
    to.forward(
        Op.LAYER_NORM,
        x,
        y,
        x_hat,
        inverse,
        arrays=(layer.gamma, layer.beta),
        sizes=(size,),
        numbers=(layer.epsilon,),
    )

    def pull(dy: Tensor) -> Tensor | None:
        dgamma, dbeta = Private(size, sums=True), Private(size, sums=True)
        dx = to.output(x, x.size)
        to.backward(
            Op.LAYER_NORM_DX,
            dy,
            dx,
            x_hat,
            inverse,
            arrays=(layer.gamma,),
            sizes=(size,),
            private=(dgamma, dbeta),
        )
        to.gather(layer.dgamma, dgamma)
        to.gather(layer.dbeta, dbeta)
        return dx

    return y, pull


def lower_batch_norm(to: Lowering, layer: layers.BatchNorm, x: Tensor, shape: Shape) -> Lowered:
    channels = shape[-1]
    y = to.output(x, x.size, learns=True)
    arrays = (layer.gamma, layer.beta, layer.running_mean, layer.running_variance)
    memory = tuple(Private(channels) for _ in range(4))
    details: dict[str, Any] = {
        "arrays": arrays,
        "sizes": (channels, x.size // channels),
        "numbers": (layer.epsilon, layer.momentum),
        "private": memory,
    }
    if not to.training:
        to.forward(Op.BATCH_NORM_FIXED, x, y, **details)
        return y, lambda dy: None
    to.needs_whole_batch = True
    x_hat = Tensor(x.size)
    to.forward(Op.BATCH_SUM, x, None, None, **details, blocked=False)
    to.wait(to.code.forward)
    to.forward(Op.BATCH_SQUARES, x, None, None, **details, blocked=False)
    to.wait(to.code.forward)
    to.forward(Op.BATCH_NORM, x, y, x_hat, **details, blocked=False)

    def pull(dy: Tensor) -> Tensor | None:
        sums = tuple(Private(channels) for _ in range(4))
        details["private"] = (*sums, memory[3])
        to.backward(Op.BATCH_NORM_SUMS, dy, None, x_hat, **details, blocked=False)
        to.wait(to.code.backward)
        dx = to.output(x, x.size)
        to.backward(Op.BATCH_NORM_DX, dy, dx, x_hat, **details, blocked=False)
        to.gather(layer.dgamma, sums[0])
        to.gather(layer.dbeta, sums[1])
        return dx

    return y, pull


LOWERINGS: dict[type[Layer], Any] = {
    layers.Dropout: lower_dropout,
    layers.BatchNorm: lower_batch_norm,
    layers.LayerNorm: lower_layer_norm,
    layers.ReLU: lower_curve(Curve.RELU),
    layers.LeakyReLU: lower_curve(Curve.LEAKY_RELU, lambda layer: layer.slope),
    layers.ELU: lower_curve(Curve.ELU, lambda layer: layer.alpha),
    layers.SELU: lower_curve(Curve.SELU),
    layers.Sigmoid: lower_curve(Curve.SIGMOID),
    layers.Tanh: lower_curve(Curve.TANH),
    layers.Softplus: lower_curve(Curve.SOFTPLUS),
    layers.SiLU: lower_curve(Curve.SILU),
    layers.GELU: lower_gelu,
    layers.HardSigmoid: lower_curve(Curve.HARD_SIGMOID),
    layers.Softmax: lower_softmax,
    layers.LogSoftmax: lower_softmax,
}
