"""chainrule's layers and optimizers in JAX: an entry of `LAYERS` or of `RULES` for each type."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

import chainrule as cr
from chainrule.layers.base import join, walk

Values = dict[str, Any]  # by chainrule's names, such as "3.branch.0.W"


class Forward:
    """One pass in training: the parameters, the running averages, which it brings up to date, and
    the key that random layers draw with."""

    def __init__(self, root: cr.Layer, parameters: Values, averages: Values, key: Any) -> None:
        self.positions = {layer: position for position, layer in walk(root)}
        self.parameters, self.averages, self.key = parameters, dict(averages), key

    def through(self, layer: cr.Layer, x: Any) -> Any:
        if type(layer) not in LAYERS:
            raise ValueError(f"no entry of LAYERS is a {type(layer).__name__} in JAX")
        return LAYERS[type(layer)](self, layer, x)

    def parameter(self, layer: cr.Layer, name: str) -> Any:
        return self.parameters[join(self.positions[layer], name)]

    def next_key(self) -> Any:
        self.key, key = jax.random.split(self.key)
        return key

    def average(self, layer: cr.Layer, name: str, value: Any, momentum: float) -> None:
        """Bring a running average up to date."""
        key = join(self.positions[layer], name)
        before = self.averages[key]
        self.averages[key] = before + momentum * (lax.stop_gradient(value) - before)


def sequential(to: Forward, layer: cr.Sequential, x: Any) -> Any:
    for inner in layer.layers:
        x = to.through(inner, x)
    return x


def residual(to: Forward, layer: cr.Residual, x: Any) -> Any:
    y = to.through(layer.branch, x)
    return y + (x if layer.shortcut is None else to.through(layer.shortcut, x))


def gated(to: Forward, layer: cr.Gated, x: Any) -> Any:
    return x * jnp.expand_dims(to.through(layer.gate, x), layer.pixels)


def concatenate(to: Forward, layer: cr.Concatenate, x: Any) -> Any:
    return jnp.concatenate([to.through(branch, x) for branch in layer.branches], axis=-1)


def dense(to: Forward, layer: cr.Dense, x: Any) -> Any:
    y = x @ to.parameter(layer, "W")
    return y + to.parameter(layer, "b") if layer.bias else y


def convolution(to: Forward, layer: cr.Conv2D, x: Any) -> Any:
    windows = layer.windows
    y = lax.conv_general_dilated(
        x, to.parameter(layer, "W"), windows.stride, sides(windows),
        rhs_dilation=windows.dilation, feature_group_count=layer.groups,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # fmt: skip
    return y + to.parameter(layer, "b") if layer.bias else y


def max_pool(to: Forward, layer: cr.MaxPool2D, x: Any) -> Any:
    return over_windows(layer.windows, x, -jnp.inf, lax.max)


def average_pool(to: Forward, layer: cr.AveragePool2D, x: Any) -> Any:
    total = over_windows(layer.windows, x, 0.0, lax.add)
    if layer.padding == "same":  # padding does not count
        return total / over_windows(layer.windows, jnp.ones_like(x), 0.0, lax.add)
    return total / math.prod(layer.windows.kernel_size)


def over_windows(windows: Any, x: Any, start: float, operation: Any) -> Any:
    size, stride = (1, *windows.kernel_size, 1), (1, *windows.stride, 1)
    padding = [(0, 0), *sides(windows), (0, 0)]
    return lax.reduce_window(x, start, operation, size, stride, padding)


def sides(windows: Any) -> list[tuple[int, int]]:
    """The padding before and after, of rows and of columns."""
    return list(zip(windows.before, windows.after, strict=True))


def batch_norm(to: Forward, layer: cr.BatchNorm, x: Any) -> Any:
    axes = tuple(range(x.ndim - 1))
    count = x.size // x.shape[-1]
    mean = x.mean(axes)
    variance = ((x - mean) ** 2).mean(axes)
    unbiased = variance * (count / max(count - 1, 1))
    to.average(layer, "running_mean", mean, layer.momentum)
    to.average(layer, "running_variance", unbiased, layer.momentum)
    return scaled(to, layer, (x - mean) / jnp.sqrt(variance + layer.epsilon))


def layer_norm(to: Forward, layer: cr.LayerNorm, x: Any) -> Any:
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return scaled(to, layer, (x - mean) / jnp.sqrt(variance + layer.epsilon))


def scaled(to: Forward, layer: cr.Layer, x: Any) -> Any:
    return x * to.parameter(layer, "gamma") + to.parameter(layer, "beta")


def dropout(to: Forward, layer: cr.Dropout, x: Any) -> Any:
    if layer.rate == 0:
        return x
    stays = jax.random.bernoulli(to.next_key(), 1 - layer.rate, layer.mask_shape(x.shape))
    return jnp.where(stays, x / (1 - layer.rate), 0)


def prelu(to: Forward, layer: cr.PReLU, x: Any) -> Any:
    return jnp.where(x > 0, x, to.parameter(layer, "alpha") * x)


def activation(function: Callable[..., Any], *names: str) -> Callable[..., Any]:
    """An activation function, with the layer's attributes of these names as its settings."""

    def apply(to: Forward, layer: cr.Layer, x: Any) -> Any:
        return function(x, *(getattr(layer, name) for name in names))

    return apply


LAYERS: dict[type[cr.Layer], Callable[..., Any]] = {
    cr.Sequential: sequential,
    cr.Residual: residual,
    cr.Gated: gated,
    cr.Concatenate: concatenate,
    cr.Dense: dense,
    cr.Conv2D: convolution,
    cr.MaxPool2D: max_pool,
    cr.AveragePool2D: average_pool,
    cr.GlobalMaxPool2D: lambda to, layer, x: x.max((1, 2)),
    cr.GlobalAveragePool2D: lambda to, layer, x: x.mean((1, 2)),
    cr.Flatten: lambda to, layer, x: x.reshape(len(x), -1),
    cr.BatchNorm: batch_norm,
    cr.LayerNorm: layer_norm,
    cr.Dropout: dropout,
    cr.SpatialDropout2D: dropout,
    cr.StochasticDepth: dropout,
    cr.Identity: activation(lambda x: x),
    cr.ReLU: activation(jax.nn.relu),
    cr.LeakyReLU: activation(jax.nn.leaky_relu, "slope"),
    cr.PReLU: prelu,
    cr.ELU: activation(jax.nn.elu, "alpha"),
    cr.SELU: activation(jax.nn.selu),
    cr.GELU: activation(lambda x, form: jax.nn.gelu(x, form == "tanh"), "approximate"),
    cr.SiLU: activation(jax.nn.silu),
    cr.Mish: activation(jax.nn.mish),
    cr.Sigmoid: activation(jax.nn.sigmoid),
    cr.HardSigmoid: activation(jax.nn.hard_sigmoid),
    cr.Tanh: activation(jnp.tanh),
    cr.Softplus: activation(jax.nn.softplus),
    cr.Softmax: activation(jax.nn.softmax),
    cr.LogSoftmax: activation(jax.nn.log_softmax),
}


def sgd(o: cr.SGD, w: Any, g: Any, slots: Values, t: Any) -> tuple[Any, Values]:
    if not o.momentum:
        return w - o.learning_rate * g, slots
    v = o.momentum * slots["v"] + g
    change = g + o.momentum * v if o.nesterov else v
    return w - o.learning_rate * change, {"v": v}


def adam(o: cr.Adam, w: Any, g: Any, slots: Values, t: Any) -> tuple[Any, Values]:
    m = o.beta_1 * slots["m"] + (1 - o.beta_1) * g
    v = o.beta_2 * slots["v"] + (1 - o.beta_2) * g * g
    m_hat, v_hat = m / (1 - o.beta_1**t), v / (1 - o.beta_2**t)
    return w - o.learning_rate * m_hat / (jnp.sqrt(v_hat) + o.epsilon), {"m": m, "v": v}


def adam_w(o: cr.AdamW, w: Any, g: Any, slots: Values, t: Any) -> tuple[Any, Values]:
    return adam(o, w * (1 - o.learning_rate * o.weight_decay), g, slots, t)


def rms_prop(o: cr.RMSprop, w: Any, g: Any, slots: Values, t: Any) -> tuple[Any, Values]:
    s = o.rho * slots["s"] + (1 - o.rho) * g * g
    return w - o.learning_rate * g / (jnp.sqrt(s) + o.epsilon), {"s": s}


RULES: dict[type[cr.Optimizer], Callable[..., tuple[Any, Values]]] = {
    cr.SGD: sgd,
    cr.Adam: adam,
    cr.AdamW: adam_w,
    cr.RMSprop: rms_prop,
}
