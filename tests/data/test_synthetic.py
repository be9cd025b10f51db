from __future__ import annotations

import numpy as np
import pytest

from chainrule.data.synthetic import SYNTHETIC, fresh, load_synthetic, xor, xor_line
from chainrule.errors import ArgumentError, UnknownNameError


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("name", SYNTHETIC)
def test_types_and_shapes(name: str) -> None:
    x, y = SYNTHETIC[name](60, rng())
    assert x.dtype == np.float32
    assert len(x) == len(y)
    if name == "sine":
        assert x.shape == y.shape == (60, 1)
        assert y.dtype == np.float32
    else:
        assert x.shape[1:] == (2,)
        assert y.shape == (len(x),)
        assert y.dtype == np.int64


@pytest.mark.parametrize("name", sorted(set(SYNTHETIC) - {"sine"}))
def test_classes_are_named_and_all_present(name: str) -> None:
    dataset = load_synthetic(name)
    assert dataset.class_names == tuple(str(label) for label in np.unique(dataset.y_train))
    assert dataset.preparation.shape == dataset.input_shape


def test_linear_lies_above_or_below_the_diagonal_of_the_unit_square() -> None:
    x, y = SYNTHETIC["linear"](500, rng())
    assert x.min() >= 0
    assert x.max() <= 1
    assert np.array_equal(y, x[:, 1] > x[:, 0])


def test_xor_line_is_the_classic_set_of_21_points() -> None:
    expected = []
    for i in range(11):
        expected.append((0.1 * i, 0.1 * i, 0))
        if i != 5:
            expected.append((0.1 * i, 1 - 0.1 * i, 1))
    x, y = xor_line(0, rng())
    found = [(*point, label) for point, label in zip(x.tolist(), y.tolist(), strict=True)]
    assert np.allclose(sorted(found), sorted(expected), atol=1e-7)
    assert len(found) == 21


def test_xor_is_the_truth_table() -> None:
    x, y = xor(0, rng())
    assert x.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert y.tolist() == [0, 1, 1, 0]


def test_parabola() -> None:
    x, y = SYNTHETIC["parabola"](500, rng())
    assert np.abs(x).max() <= 2
    assert np.array_equal(y, x[:, 0] ** 2 > x[:, 1])


def test_sine_follows_the_sine() -> None:
    x, y = SYNTHETIC["sine"](2000, rng())
    assert abs((y - np.sin(x)).std() - 0.1) < 0.01


def test_circles_lie_within_each_other() -> None:
    x, y = SYNTHETIC["circles"](400, rng())
    radius = np.linalg.norm(x, axis=1)
    assert abs(radius[y == 0].mean() - 1) < 0.02
    assert abs(radius[y == 1].mean() - 0.5) < 0.02


def test_an_epoch_can_be_repeated_and_differs_from_others() -> None:
    x, _ = fresh("linear", 20, seed=1, epoch=5)
    assert np.array_equal(x, fresh("linear", 20, seed=1, epoch=5)[0])
    for other in (
        fresh("linear", 20, 1, 6),
        fresh("linear", 20, 2, 5),
        fresh("parabola", 20, 1, 5),
    ):
        assert not np.array_equal(x, other[0])


def test_training_and_test_points_are_drawn_apart() -> None:
    dataset = load_synthetic("linear", seed=3)
    assert dataset.x_test is not None
    assert dataset.x_train.shape == dataset.x_test.shape == (1000, 2)
    assert not np.array_equal(dataset.x_train, dataset.x_test)
    assert np.array_equal(dataset.x_train, load_synthetic("linear", seed=3).x_train)
    assert load_synthetic("linear", samples=7).x_train.shape == (7, 2)


def test_fixed_sets_ignore_the_number_of_samples() -> None:
    dataset = load_synthetic("xor-line", samples=5)
    assert dataset.x_train.shape == (21, 2)
    assert np.array_equal(dataset.x_train, dataset.x_test)


def test_bad_input() -> None:
    with pytest.raises(ArgumentError, match="samples=0: at least one"):
        load_synthetic("linear", samples=0)
    with pytest.raises(UnknownNameError, match="did you mean 'spirals'"):
        fresh("spiral", 10, 0, 0)
