"""Convolutions by hand: small sums, sizes of outputs, and options that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.errors import ArgumentError, ShapeError
from chainrule.layers import Conv1D, Conv2D, ConvTranspose2D, Dense, Layer


@pytest.mark.parametrize(
    ("layer", "input_shape", "output_shape"),
    [
        (Conv2D(8, 3), (28, 28, 1), (26, 26, 8)),
        (Conv2D(8, 3, padding="same"), (28, 28, 1), (28, 28, 8)),
        (Conv2D(8, 3, 2, "same"), (7, 8, 1), (4, 4, 8)),
        (Conv2D(8, 3, 2, 1), (7, 8, 1), (4, 4, 8)),
        (Conv2D(8, (3, 5), (2, 1), (1, 2)), (7, 8, 1), (4, 8, 8)),
        (Conv2D(8, 3, dilation=2), (7, 8, 1), (3, 4, 8)),
        (Conv2D(8, 3, padding="same", dilation=3), (7, 8, 1), (7, 8, 8)),
        (Conv1D(8, 3, 2, 1), (8, 1), (4, 8)),
        (Conv1D(8, 4, 3, "same", dilation=2), (8, 1), (3, 8)),
        (ConvTranspose2D(8, 3), (5, 6, 1), (7, 8, 8)),
        (ConvTranspose2D(8, 3, 2), (5, 6, 1), (11, 13, 8)),
        (ConvTranspose2D(8, 3, 2, 1, output_padding=1), (5, 6, 1), (10, 12, 8)),
        (ConvTranspose2D(8, 5, 2, "same"), (5, 6, 1), (10, 12, 8)),
        (ConvTranspose2D(8, 3, dilation=2), (5, 6, 1), (9, 10, 8)),
    ],
    ids=repr,
)
def test_size_of_the_output(layer: Layer, input_shape, output_shape) -> None:
    assert layer.build(input_shape) == output_shape


def test_the_kernel_is_not_turned_round() -> None:
    layer = Conv2D(1, (1, 2))
    layer.build((1, 3, 1))
    layer.W[...] = np.reshape([1, 10], (1, 2, 1, 1))
    y, _ = layer.forward(np.reshape([1.0, 2.0, 3.0], (1, 1, 3, 1)))
    np.testing.assert_array_equal(y.ravel(), [21, 32])


def test_odd_same_padding_stands_below_and_to_the_right() -> None:
    layer = Conv2D(1, 2, padding="same", initializer="ones")
    layer.build((2, 2, 1))
    y, _ = layer.forward(np.arange(1.0, 5.0).reshape(1, 2, 2, 1))
    np.testing.assert_array_equal(y[0, :, :, 0], [[10, 6], [7, 4]])


def test_a_depthwise_convolution_keeps_channels_apart() -> None:
    layer = Conv2D(2, 1, groups=2)
    layer.build((1, 1, 2))
    layer.W[...] = np.reshape([3, 5], (1, 1, 1, 2))
    y, _ = layer.forward(np.reshape([1.0, 10.0], (1, 1, 1, 2)))
    np.testing.assert_array_equal(y.ravel(), [3, 50])


@pytest.mark.parametrize("options", [{"stride": 2}, {"padding": "same"}, {"dilation": 2}])
def test_the_transposed_convolution_is_the_adjoint(options) -> None:
    """Σ conv(x)·y = Σ x·transposed(y), for all x and y."""
    convolution = Conv2D(3, 3, **options, bias=False)
    transposed = ConvTranspose2D(2, 3, **options, bias=False)
    shape = convolution.build((7, 9, 2), dtype="float64")
    assert transposed.build(shape, dtype="float64") == (7, 9, 2)
    transposed.W[...] = convolution.W.swapaxes(-1, -2)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 7, 9, 2)), rng.standard_normal((2, *shape))
    forwards = (convolution.forward(x)[0] * y).sum()
    np.testing.assert_allclose(forwards, (x * transposed.forward(y)[0]).sum(), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv2D(0, 3), "out_channels is a whole number, 1 or more; received 0"),
        (lambda: Conv2D(4, 0), "kernel_size is a whole number, 1 or more; received 0"),
        (lambda: Conv2D(4, (3, 3, 3)), "kernel_size is a whole number or a pair of them"),
        (lambda: Conv2D(4, 3, stride=-1), "stride is a whole number, 1 or more; received -1"),
        (lambda: Conv2D(4, 3, padding=-1), "padding is a whole number, 0 or more; received -1"),
        (lambda: Conv2D(4, 3, padding="sane"), "did you mean 'same'"),
        (lambda: Conv2D(4, 3, padding="Same"), "did you mean 'same'"),
        (lambda: Conv2D(4, 3, dilation=1.5), "dilation is a whole number or a pair"),
        (lambda: Conv2D(4, 3, groups=3), "groups=3 does not divide out_channels=4"),
        (lambda: ConvTranspose2D(4, 3, groups=3), "groups=3 does not divide out_channels=4"),
        (lambda: ConvTranspose2D(4, 3, output_padding=1), "must be less than stride=1"),
        (
            lambda: ConvTranspose2D(4, 3, 2, "same", output_padding=1),
            "zero with padding='same'",
        ),
        (lambda: Dense(-3), "out_features is a whole number, 1 or more; received -3"),
        (lambda: Dense(True), "out_features is a whole number, 1 or more; received True"),
    ],
)
def test_options_that_cannot_be(make, message: str) -> None:
    with pytest.raises((ArgumentError, ValueError), match="(?s)" + message.replace("(", r"\(")):
        make()


@pytest.mark.parametrize(
    ("layer", "input_shape", "message"),
    [
        (Conv2D(4, 3), (9,), "expects images of shape (height, width, channels), received (9,)"),
        (Conv2D(4, 5), (4, 8, 1), "5 x 5 pixels, larger than the image of 4 x 8"),
        (Conv1D(4, 3, dilation=2), (4, 1), "over 5 steps, longer than the sequence of 4"),
        (Conv1D(4, 3), (4, 8, 1), "sequences of shape (length, channels), received"),
        (Conv2D(4, 3, dilation=3), (4, 8, 1), "a kernel reaching over 7 x 7 pixels"),
        (Conv2D(4, 3, groups=2), (8, 8, 3), "groups=2, which does not divide 3 channels"),
        (ConvTranspose2D(4, 3, padding=3), (2, 2, 1), "padding=3 crops all of it"),
    ],
    ids=repr,
)
def test_images_that_do_not_fit(layer: Layer, input_shape, message: str) -> None:
    with pytest.raises(ShapeError) as caught:
        layer.build(input_shape)
    assert message in str(caught.value)
