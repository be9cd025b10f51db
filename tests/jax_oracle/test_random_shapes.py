"""Convolutions and pools agree with JAX whatever their sizes; random networks too."""

from __future__ import annotations

from typing import Any

import jax_layers
from conformance import backpropagated, batch, evaluated, upstream
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from layer_cases import LayerCase

from chainrule.errors import ChainruleError
from chainrule.layers import (
    AveragePool2D,
    BatchNorm,
    Concatenate,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    Layer,
    LayerNorm,
    MaxPool2D,
    Residual,
    SiLU,
    Tanh,
)

sizes = st.integers(1, 4)
pairs = st.tuples(sizes, sizes)
images = st.tuples(st.integers(1, 8), st.integers(1, 8))
paddings = st.one_of(
    st.sampled_from(["valid", "same"]), st.integers(0, 3), st.tuples(sizes, st.integers(0, 3))
)


def check(make: Any, input_shape: tuple[int, ...]) -> None:
    """Values and gradients against JAX; sizes that chainrule refuses are not looked at."""
    case = LayerCase("random", make, input_shape)
    try:
        network = case.network()
    except ChainruleError:
        assume(False)
    x, dy = batch(case), upstream(case)
    y, dx, dparameters = jax_layers.gradients(network, x, dy, training=True)
    found = backpropagated(network, x, dy, training=True)
    jax_layers.agree(evaluated(network, x, training=True), y, "y")
    for name, expected in {"x": dx, **dparameters}.items():
        jax_layers.agree(found[name], expected, f"d{name}")


@given(images, pairs, pairs, paddings, pairs, st.integers(1, 3), sizes, st.integers(1, 2))
def test_convolution(image, kernel, stride, padding, dilation, groups, channels, multiple):
    check(
        lambda: Conv2D(
            groups * multiple, kernel, stride, padding, dilation=dilation, groups=groups
        ),
        (*image, groups * channels),
    )


@given(
    st.tuples(sizes, sizes),
    pairs,
    pairs,
    paddings,
    st.tuples(st.integers(0, 2), st.integers(0, 2)),
    pairs,
    st.integers(1, 3),
    st.integers(1, 2),
)
def test_transposed_convolution(image, kernel, stride, padding, extra, dilation, groups, channels):
    if padding == "same":
        extra = (0, 0)
    assume(extra[0] < stride[0] and extra[1] < stride[1])
    check(
        lambda: ConvTranspose2D(
            2 * groups,
            kernel,
            stride,
            padding,
            output_padding=extra,
            dilation=dilation,
            groups=groups,
        ),
        (*image, groups * channels),
    )


@given(st.sampled_from([MaxPool2D, AveragePool2D]), images, pairs, pairs, paddings, sizes)
def test_pools(pool, image, kernel, stride, padding, channels):
    check(lambda: pool(kernel, stride, padding), (*image, channels))


def image_layers() -> st.SearchStrategy[Any]:
    """Ways to make a layer that takes an image and gives one."""
    return st.sampled_from(
        [
            lambda: Conv2D(3, 3, padding="same"),
            lambda: Conv2D(2, 2, bias=False),
            lambda: ConvTranspose2D(2, 2, stride=2),
            lambda: MaxPool2D(2, padding="same"),
            lambda: AveragePool2D(2, 1),
            BatchNorm,
            LayerNorm,
            SiLU,
            lambda: Residual([Conv2D(2, 3, padding="same"), Tanh()], shortcut=Conv2D(2, 1)),
            lambda: Concatenate([Conv2D(1, 1), Tanh()]),
        ]
    )


@settings(max_examples=15)
@given(st.lists(image_layers(), min_size=1, max_size=4), st.lists(sizes, max_size=2))
def test_random_networks(image_parts: list[Any], widths: list[int]) -> None:
    def make() -> Layer:
        dense = [layer for width in widths for layer in (Dense(width), Tanh())]
        branches = Concatenate([[part() for part in image_parts]])
        return Residual([branches, Flatten(), *dense, Dense(2)], shortcut=[Flatten(), Dense(2)])

    check(make, (5, 4, 2))
