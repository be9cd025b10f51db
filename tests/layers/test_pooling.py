"""Pools by hand: ties, padding, and windows that cannot be."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.errors import ShapeError
from chainrule.layers import AveragePool2D, Layer, MaxPool2D


def run(layer: Layer, image: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    """y, and dx for dy = 1, of one image with one channel."""
    x = np.array(image, np.float64)[None, :, :, None]
    layer.build(x.shape[1:])
    y, cache = layer.forward(x)
    return y[0, :, :, 0], layer.backward(np.ones_like(y), cache)[0, :, :, 0]


def test_ties_send_the_gradient_to_the_first_place_only() -> None:
    y, dx = run(MaxPool2D(2), [[5, 5, 0, 1], [5, 5, 1, 1]])
    np.testing.assert_array_equal(y, [[5, 1]])
    np.testing.assert_array_equal(dx, [[1, 0, 0, 1], [0, 0, 0, 0]])


def test_a_pixel_that_wins_in_two_windows_receives_both_gradients() -> None:
    _, dx = run(MaxPool2D((1, 2), stride=1), [[1, 9, 2]])
    np.testing.assert_array_equal(dx, [[0, 2, 0]])


@pytest.mark.parametrize("padding", [1, "same"])
def test_padding_never_is_the_maximum(padding) -> None:
    y, dx = run(MaxPool2D(3, 1, padding), [[-5.0, -7.0], [-8.0, -9.0]])
    np.testing.assert_array_equal(y, [[-5, -5], [-5, -5]])
    np.testing.assert_array_equal(dx, [[4, 0], [0, 0]])


def test_padding_counts_in_the_mean_when_given_as_a_number() -> None:
    y, dx = run(AveragePool2D(3, 3, 1), [[9.0, 9.0], [9.0, 9.0]])
    np.testing.assert_array_equal(y, [[4]])
    np.testing.assert_allclose(dx, np.full((2, 2), 1 / 9))


def test_same_padding_does_not_count_in_the_mean() -> None:
    y, dx = run(AveragePool2D(3, 3, "same"), [[9.0, 9.0], [9.0, 9.0]])
    np.testing.assert_array_equal(y, [[9]])
    np.testing.assert_allclose(dx, np.full((2, 2), 1 / 4))


def test_the_stride_is_the_window_unless_given() -> None:
    assert MaxPool2D((2, 3)).build((6, 6, 1)) == (3, 2, 1)


@pytest.mark.parametrize("pool", [MaxPool2D, AveragePool2D])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((4,), "larger than the image of 3 x 3"),
        ((2, 1, 2), "windows of nothing but padding"),
    ],
)
def test_windows_that_do_not_fit(pool, options, message: str) -> None:
    with pytest.raises(ShapeError, match=message):
        pool(*options).build((3, 3, 1))
