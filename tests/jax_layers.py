"""Every layer once more, in JAX: the independent judge of values and gradients.

Nothing here looks at how chainrule computes. Convolutions and pools are XLA's own, the
transposed convolution is whatever JAX says the adjoint of a convolution is, activations are
those of `jax.nn`, and all gradients are JAX's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from handwritten_code import IsGivenTheInput
from jax import lax

from chainrule import layers as cr
from chainrule.layers.base import walk
from chainrule.network import Network
from chainrule.types import Array, Shape

Values = Mapping[cr.Layer, Mapping[str, Any]]  # parameters and buffers of each layer by name
Formula = Callable[..., Any]  # (layer, values, x, training) -> y

TOLERANCE = 1e-9


def agree(found: Any, expected: Any, what: str) -> None:
    """Equal shapes, and a relative error of at most 1e-9, both of the whole array (in the
    Euclidean norm) and of its worst entry (against the largest). What is zero on paper, such
    as the gradient of a bias before a BatchNorm, is rounding error in both: at most 1e-12."""
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, f"{what}: {found.shape}, JAX says {expected.shape}"
    difference = found - expected
    for size in (np.linalg.norm, lambda a: np.abs(a).max(initial=0)):
        scale = max(size(expected.ravel()), 1e-3)
        error = size(difference.ravel()) / scale
        assert error <= TOLERANCE, f"{what}: relative error {error:.1e}"


def forward(layer: cr.Layer, values: Values, x: Any, training: bool) -> Any:
    """The output of any layer, in JAX."""
    return FORMULAS[type(layer)](layer, values, x, training)


def gradients(
    network: Network, x: Array, dy: Array, training: bool
) -> tuple[Any, Any, dict[str, Any]]:
    """y, dx and the gradient of every parameter for a whole network, by JAX."""

    def output(parameters: dict[str, Any], x: Any) -> Any:
        values = by_layer(network.root, {**parameters, **network.buffers})
        return forward(network.root, values, x, training)

    @jax.jit
    def value_and_gradients(parameters: dict[str, Any], x: Any, dy: Any) -> Any:
        y, pull_back = jax.vjp(output, parameters, x)
        return y, *pull_back(dy)

    y, dparameters, dx = value_and_gradients(dict(network.parameters), x, dy)
    return y, dx, dparameters


def by_layer(root: cr.Layer, arrays: Mapping[str, Any]) -> Values:
    """The arrays sorted out by layer: one that stands in two places has one set."""
    values: dict[cr.Layer, dict[str, Any]] = {}
    for position, layer in walk(root):
        inside = {key.rpartition(".")[::2]: array for key, array in arrays.items()}
        values[layer] = {name: array for (at, name), array in inside.items() if at == position}
    return values


def dense(layer: cr.Dense, values: Values, x: Any, training: bool) -> Any:
    return jnp.einsum("ni,io->no", x, values[layer]["W"]) + values[layer].get("b", 0)


def convolution(layer: cr.Conv2D, values: Values, x: Any, training: bool) -> Any:
    return convolve(layer, x, values[layer]["W"]) + values[layer].get("b", 0)


def convolve(layer: cr.Conv2D | cr.ConvTranspose2D, x: Any, W: Any) -> Any:
    return lax.conv_general_dilated(
        x,
        W,
        window_strides=as_pair(layer.stride),
        padding=lax_padding(layer.padding),
        rhs_dilation=as_pair(layer.dilation),
        feature_group_count=layer.groups,
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def convolution_over_sequence(layer: cr.Conv1D, values: Values, x: Any, training: bool) -> Any:
    padding = layer.padding
    y = lax.conv_general_dilated(
        x,
        values[layer]["W"],
        window_strides=[layer.stride],
        padding=padding.upper() if isinstance(padding, str) else [(padding, padding)],
        rhs_dilation=[layer.dilation],
        feature_group_count=layer.groups,
        dimension_numbers=("NWC", "WIO", "NWC"),
    )
    return y + values[layer].get("b", 0)


def transposed_convolution(layer: cr.ConvTranspose2D, values: Values, x: Any, _: bool) -> Any:
    """The adjoint of the convolution from the output's shape to the input's."""
    image = jnp.zeros((len(x), *transposed_size(layer, x.shape), layer.out_channels))
    to_input = values[layer]["W"].swapaxes(-1, -2)  # this convolution reads what we put out
    _, adjoint = jax.vjp(lambda image: convolve(layer, image, to_input), image)
    return adjoint(x)[0] + values[layer].get("b", 0)


def transposed_size(layer: cr.ConvTranspose2D, shape: Shape) -> Shape:
    """PyTorch's formula for ConvTranspose2d; with "same", Keras's."""
    if layer.padding == "same":
        return tuple(n * s for n, s in zip(shape[1:3], as_pair(layer.stride), strict=True))
    padding = as_pair(0 if layer.padding == "valid" else layer.padding)
    settings = zip(
        shape[1:3],
        as_pair(layer.stride),
        padding,
        as_pair(layer.dilation),
        as_pair(layer.kernel_size),
        as_pair(layer.output_padding),
        strict=True,
    )
    return tuple((n - 1) * s - 2 * p + d * (k - 1) + extra + 1 for n, s, p, d, k, extra in settings)


def max_pool(layer: cr.MaxPool2D, values: Values, x: Any, training: bool) -> Any:
    return reduce_windows(layer, x, -jnp.inf, lax.max)


def average_pool(layer: cr.AveragePool2D, values: Values, x: Any, training: bool) -> Any:
    total = reduce_windows(layer, x, 0.0, lax.add)
    if layer.padding == "same":  # padding does not count
        return total / reduce_windows(layer, jnp.ones_like(x), 0.0, lax.add)
    return total / np.prod(as_pair(layer.kernel_size))


def reduce_windows(layer: Any, x: Any, start: float, operation: Any) -> Any:
    padding = lax_padding(layer.padding)
    return lax.reduce_window(
        x,
        start,
        operation,
        window_dimensions=(1, *as_pair(layer.kernel_size), 1),
        window_strides=(1, *as_pair(layer.stride or layer.kernel_size), 1),
        padding=padding if isinstance(padding, str) else [(0, 0), *padding, (0, 0)],
    )


def batch_norm(layer: cr.BatchNorm, values: Values, x: Any, training: bool) -> Any:
    mean, variance = values[layer]["running_mean"], values[layer]["running_variance"]
    if training:
        flat = x.reshape(-1, x.shape[-1])
        mean, variance = flat.mean(axis=0), flat.var(axis=0)
    return normalized(x, mean, variance, layer.epsilon, values[layer])


def layer_norm(layer: cr.LayerNorm, values: Values, x: Any, training: bool) -> Any:
    mean, variance = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    return normalized(x, mean, variance, layer.epsilon, values[layer])


def normalized(x: Any, mean: Any, variance: Any, epsilon: float, own: Any) -> Any:
    return (x - mean) * lax.rsqrt(variance + epsilon) * own["gamma"] + own["beta"]


def dropout(mask_of: Callable[[Any], Shape]) -> Formula:
    """Leaves out at random what has one number of a mask of this shape."""

    def formula(layer: cr.Dropout, values: Values, x: Any, training: bool) -> Any:
        if not training:
            return x
        draws = copy.deepcopy(layer.rng).random(mask_of(x))  # those that the layer will make
        return jnp.where(draws < layer.rate, 0.0, x / (1 - layer.rate))

    return formula


def sequential(layer: cr.Sequential, values: Values, x: Any, training: bool) -> Any:
    for inner in layer.layers:
        x = forward(inner, values, x, training)
    return x


def residual(layer: cr.Residual, values: Values, x: Any, training: bool) -> Any:
    past = x if layer.shortcut is None else forward(layer.shortcut, values, x, training)
    return forward(layer.branch, values, x, training) + past


def gated(layer: cr.Gated, values: Values, x: Any, training: bool) -> Any:
    factors = forward(layer.gate, values, x, training)
    return jnp.einsum("n...c,nc->n...c", x, factors) if factors.ndim == 2 else x * factors


def concatenate(layer: cr.Concatenate, values: Values, x: Any, training: bool) -> Any:
    parts = [forward(branch, values, x, training) for branch in layer.branches]
    return jnp.concatenate(parts, axis=-1)


def own_function(layer: cr.Activation, values: Values, x: Any, training: bool) -> Any:
    return getattr(jnp, layer.function.__name__)(x)


def handwritten(layer: cr.HandWritten, values: Values, x: Any, training: bool) -> Any:
    b, W = sorted(values[layer].values(), key=np.size)  # each style has its own names
    if isinstance(layer.code, IsGivenTheInput):
        return jnp.tanh(x @ W.T + b[:, 0])
    if isinstance(layer.code, tuple):
        return jnp.tanh(x @ W + b)
    return x @ W + b


def value_by_value(function: Callable[[Any], Any]) -> Formula:
    return lambda layer, values, x, training: function(x)


FORMULAS: dict[type[cr.Layer], Formula] = {
    cr.Dense: dense,
    cr.Conv1D: convolution_over_sequence,
    cr.Conv2D: convolution,
    cr.ConvTranspose2D: transposed_convolution,
    cr.MaxPool2D: max_pool,
    cr.AveragePool2D: average_pool,
    cr.GlobalMaxPool2D: value_by_value(lambda x: x.max(axis=(1, 2))),
    cr.GlobalAveragePool2D: value_by_value(lambda x: x.mean(axis=(1, 2))),
    cr.Flatten: value_by_value(lambda x: x.reshape(len(x), -1)),
    cr.Reshape: lambda layer, values, x, training: x.reshape(len(x), *layer.shape),
    cr.Dropout: dropout(lambda x: x.shape),
    cr.SpatialDropout2D: dropout(lambda x: (len(x), 1, 1, x.shape[3])),
    cr.StochasticDepth: dropout(lambda x: (len(x), *[1] * (x.ndim - 1))),
    cr.BatchNorm: batch_norm,
    cr.LayerNorm: layer_norm,
    cr.Sequential: sequential,
    cr.Residual: residual,
    cr.Gated: gated,
    cr.Concatenate: concatenate,
    cr.Activation: own_function,
    cr.HandWritten: handwritten,
    cr.Identity: value_by_value(lambda x: x),
    cr.Sigmoid: value_by_value(jax.nn.sigmoid),
    cr.Tanh: value_by_value(jnp.tanh),
    cr.ReLU: value_by_value(jax.nn.relu),
    cr.LeakyReLU: lambda layer, values, x, _: jax.nn.leaky_relu(x, layer.slope),
    cr.PReLU: lambda layer, values, x, _: jnp.where(x > 0, x, values[layer]["alpha"] * x),
    cr.ELU: lambda layer, values, x, _: jax.nn.elu(x, layer.alpha),
    cr.SELU: value_by_value(jax.nn.selu),
    cr.GELU: lambda layer, values, x, _: jax.nn.gelu(x, layer.approximate == "tanh"),
    cr.SiLU: value_by_value(jax.nn.silu),
    cr.Mish: value_by_value(jax.nn.mish),
    cr.Softplus: value_by_value(jax.nn.softplus),
    cr.HardSigmoid: value_by_value(jax.nn.hard_sigmoid),
    cr.Softmax: value_by_value(jax.nn.softmax),
    cr.LogSoftmax: value_by_value(jax.nn.log_softmax),
}


def as_pair(size: Any) -> tuple[int, int]:
    return size if isinstance(size, tuple) else (size, size)


def lax_padding(padding: Any) -> Any:
    if isinstance(padding, str):
        return padding.upper()
    return [(size, size) for size in as_pair(padding)]
